#!/usr/bin/env bash
# tests/run.sh -- builds with sanitizers and runs all tests against real processes and a real PostgreSQL.
#
#   tests/run.sh                 everything: lint, unit tests, contract, API and fault tests
#   tests/run.sh --fast          without sanitizers
#   tests/run.sh --threads       under ThreadSanitizer instead of the others
#   tests/run.sh -- -k deals     what follows -- goes to pytest; lint and unit tests are left out then
#
# Uses free ports, sockets and a temporary directory only, so several can run side by side. SFMS_SKIP_PACKAGES=1 installs
# nothing; SFMS_TEST_KEEP=1 keeps the logs. The last line is "N passed, N failed" and, if any were, ", N skipped".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
# shellcheck source=deploy/lib/say.sh
. deploy/lib/say.sh
# shellcheck source=deploy/lib/packages.sh
. deploy/lib/packages.sh

sanitize=address,undefined
build=$ROOT/build-tests
only_pytest=
while (($# > 0)); do
    case $1 in
    --fast) sanitize='' build=$ROOT/build-fast ;;
    --threads) sanitize=thread build=$ROOT/build-threads ;;
    --) shift && only_pytest=1 && break ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) die "unknown argument $1; tests/run.sh --help says what there is." ;;
    esac
    shift
done

results=$(mktemp -d "${TMPDIR:-/tmp}/sfms-results-XXXXXX")
trap 'rm -rf "$results"' EXIT

# The end, whatever happened: the sums of all results, and the status.
finish() {
    /usr/bin/python3 tests/lib/summary.py "$results"/*.xml
}

# broken NAME TEXT: something that cannot be counted as tests, because it did not come so far.
broken() {
    printf '<testsuite><testcase name="%s"><failure>%s</failure></testcase></testsuite>\n' "$1" "$2" >"$results/$1.xml"
}

compile() {
    local launcher=()
    if command -v ccache >/dev/null; then
        launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    fi
    cmake -S . -B "$build" -G Ninja -DSFMS_TESTS=ON -DSFMS_SANITIZE="$sanitize" "${launcher[@]}" >"$results/cmake.log" 2>&1 ||
        { tail -n 20 "$results/cmake.log" && return 1; }
    ninja -C "$build" >"$results/ninja.log" 2>&1 || { tail -n 40 "$results/ninja.log" && return 1; }
}

packages_install build runtime run tests
say "Building${sanitize:+ with $sanitize} in ${build#"$ROOT"/} …"
if ! compile; then
    broken build "does not build"
    finish
    exit 1
fi
say "    done after $SECONDS s"

if [[ -z $only_pytest ]]; then
    say "Lint …"
    if ! git ls-files --error-unmatch tests/run.sh >/dev/null 2>&1; then
        say "    LEFT OUT: it looks at the files that git knows, and this is no work tree of git"
    elif tests/lint.sh --quick >"$results/lint.log" 2>&1; then
        echo '<testsuite><testcase name="lint"/></testsuite>' >"$results/lint.xml"
    else
        cat "$results/lint.log"
        broken lint "tests/lint.sh --quick"
    fi
    say "Unit tests …"
    LSAN_OPTIONS=suppressions=$ROOT/tests/lib/lsan.supp:print_suppressions=0 \
        ctest --test-dir "$build" --output-on-failure --no-tests=error -j2 --timeout 120 --output-junit "$results/unit.xml" \
        >"$results/ctest.log" 2>&1 || grep -vE '^ *Start|Passed' "$results/ctest.log" || true
    [[ -s $results/unit.xml ]] || broken unit "ctest ended early"
    say "    done after $SECONDS s"
fi

# As many at once as there are cores, four at most, each with a system of its own; a file stays in one hand. What is asked for
# by name is run in one.
workers=$(nproc)
spread=()
if [[ -z $only_pytest ]] && ((workers > 1)); then
    spread=(-n "$((workers > 4 ? 4 : workers))" --dist loadfile)
fi
say "Contract, API and fault tests …"
status=0
SFMS_BUILD=$build PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -c tests/pytest.ini --rootdir tests \
    --junitxml "$results/pytest.xml" --durations=10 -rs "${spread[@]}" "${@:-tests}" || status=$?
if ((status > 1)) || [[ ! -s $results/pytest.xml ]]; then
    broken pytest "pytest ended with status $status"
fi
say "All of it took $SECONDS s."
finish
