#!/usr/bin/env bash
# tests/fuzz/run.sh [SECONDS] [NAME...] -- runs the libFuzzer targets, each for SECONDS (60), two at a time.
#
# Each tests/fuzz/NAME_fuzz.c reads its seeds from tests/fuzz/corpus/NAME/. What makes one crash is kept in
# build-fuzz/crashes/ and, once mended, belongs into the corpus. The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=deploy/lib/say.sh
. deploy/lib/say.sh
# shellcheck source=deploy/lib/packages.sh
. deploy/lib/packages.sh

seconds=60
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi
names=("$@")
if ((${#names[@]} == 0)); then
    mapfile -t names < <(basename -a -s _fuzz.c tests/fuzz/*_fuzz.c)
fi
BUILD=$PWD/build-fuzz

packages_install build tests fuzz
launcher=()
if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
say "Building ${#names[@]} fuzzers …"
mkdir -p "$BUILD/crashes" "$BUILD/logs"
cmake -S . -B "$BUILD" -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DSFMS_FUZZ=ON "${launcher[@]}" \
    -DSFMS_SANITIZE=address,undefined,fuzzer-no-link >"$BUILD/logs/cmake.log" 2>&1 ||
    { tail -n 20 "$BUILD/logs/cmake.log" && die "cmake failed."; }
ninja -C "$BUILD" "${names[@]/%/_fuzz}" >"$BUILD/logs/ninja.log" 2>&1 ||
    { tail -n 40 "$BUILD/logs/ninja.log" && die "the fuzzers do not build."; }

# one NAME: fuzzes for the time, from the committed corpus and what earlier runs have found.
one() {
    local name=$1 found=$BUILD/found/$1 corpus=tests/fuzz/corpus/$1 seeds=()
    mkdir -p "$found"
    [[ -d $corpus ]] && seeds=("$corpus")
    if ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
        "$BUILD/${name}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
        -artifact_prefix="$BUILD/crashes/$name-" "$found" "${seeds[@]}" >"$BUILD/logs/$name.log" 2>&1; then
        echo "passed  $name: $(sed -n 's/^stat::number_of_executed_units: //p' "$BUILD/logs/$name.log") runs," \
            "$(grep -oE 'cov: [0-9]+' "$BUILD/logs/$name.log" | tail -n 1)"
    else
        grep -E 'ERROR|runtime error|SUMMARY|Test unit' "$BUILD/logs/$name.log" || tail -n 20 "$BUILD/logs/$name.log"
        echo "FAILED  $name: all of it is in $BUILD/logs/$name.log"
    fi
}
export -f one
export BUILD seconds

say "Fuzzing ${names[*]}, $seconds s each …"
printf '%s\n' "${names[@]}" | xargs -P 2 -I{} bash -c 'one {}' | tee "$BUILD/logs/summary.log"
passed=$(grep -c '^passed' "$BUILD/logs/summary.log" || true)
failed=$(grep -c '^FAILED' "$BUILD/logs/summary.log" || true)
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
