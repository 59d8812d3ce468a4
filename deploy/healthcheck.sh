#!/bin/bash
# Says whether the process of this container is well, by its exit code: a service by its own answer to sfmsctl, the gateway
# by /readyz. SFMS_SELF names the service.
set -euo pipefail

if [[ ${SFMS_SELF:-gateway} != gateway ]]; then
    SFMS_SERVICES=$SFMS_SELF=${SFMS_LISTEN/0.0.0.0/127.0.0.1} exec sfmsctl health
fi
exec 3<>"/dev/tcp/127.0.0.1/${SFMS_PORT:-8080}"
printf 'GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r line <&3
[[ $line == *" 200 "* ]]
