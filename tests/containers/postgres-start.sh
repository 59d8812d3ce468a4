#!/bin/bash
# Makes the cluster and its database at the first start, then becomes the server, as the user postgres.
set -euo pipefail

as_postgres() {
    setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
}

if [[ ! -s $PGDATA/PG_VERSION ]]; then
    install -d -m 700 -o postgres -g postgres "$PGDATA"
    install -m 400 -o postgres "$POSTGRES_PASSWORD_FILE" /tmp/password
    # shellcheck disable=SC2086 # one word per argument
    as_postgres initdb -U postgres --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 \
        ${POSTGRES_INITDB_ARGS:-}
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    as_postgres pg_ctl -w -o "-c listen_addresses=''" start
    as_postgres createdb -U postgres "$POSTGRES_DB"
    as_postgres pg_ctl -w -m fast stop
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@" -c listen_addresses='*'
