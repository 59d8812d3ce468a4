#!/usr/bin/env bash
# Measures the system on this machine: requests through the gateway, and pgbench with the very SQL that the services send,
# at the same concurrency and in turn, so that the ratio holds when the machine's speed drifts. About 8 minutes.
#
#   tests/bench/run.sh [--json] [--seconds N] [--rows N] [--only get,list,create,update]
set -euo pipefail
cd "$(dirname "$0")/../.."
source deploy/lib/say.sh
source deploy/lib/packages.sh

packages_install build runtime run tests bench >&2
build=${SFMS_BUILD:-build-bench}
say "Building $build (optimised) …" >&2
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
ninja -C "$build" >/dev/null
SFMS_BUILD=$PWD/$build PYTHONPATH=tests exec /usr/bin/python3 tests/bench/bench.py "$@"
