#!/usr/bin/env bash
# tests/fault/slow.sh -- the fault tests that take minutes or need more than a directory: a failover, a restored dump, a full
# disk (as root, on a file system in memory). What follows goes to pytest: tests/fault/slow.sh -k failover
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec tests/run.sh -- -m slow -s tests/fault "$@"
