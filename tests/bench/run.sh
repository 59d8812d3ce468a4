#!/usr/bin/env bash
# Measures the system on this machine: requests through the gateway, and pgbench with the very SQL that the services send, each
# at several concurrencies and in turn; the ratio is that of the best of both. About 6 minutes.
#
#   tests/bench/run.sh [--json] [--seconds N] [--rows N] [--only get,list,create,update]
#
# Or measures what grows with the data: processor time of the database for each of a list of calls, by an administrator, managers
# of 100 and of 2 people, and a seller with a thousandth of the records. A million takes about 10 minutes and 8 GB of disk.
#
#   tests/bench/run.sh --scale [--rows 100000,1000000] [--times N] [--only WORD,WORD] [--json] [--keep]
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/lib/say.sh
source deploy/lib/packages.sh

packages_install build runtime run tests bench >&2
build=${SFMS_BUILD:-build-bench}
say "Building $build (optimised) …" >&2
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
ninja -C "$build" >/dev/null
program=tests/bench/bench.py
if [[ ${1:-} == --scale ]]; then
    program=tests/bench/scale.py
    shift
fi
SFMS_BUILD=$PWD/$build PYTHONPATH=tests exec /usr/bin/python3 "$program" "$@"
