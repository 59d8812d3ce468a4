#!/usr/bin/env bash
# tests/lint.sh -- what the compiler does not say: form, banned functions, sizes, and with all of it clang-tidy and cppcheck.
#
#   tests/lint.sh            everything (minutes)
#   tests/lint.sh --quick    without clang-tidy and cppcheck (seconds); tests/run.sh does this
#
# Uses the compile commands of build-tests (tests/run.sh makes it), or of the directory in SFMS_BUILD.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
BUILD=${SFMS_BUILD:-build-tests}
failed=0
# shellcheck source=deploy/lib/say.sh
. deploy/lib/say.sh
# shellcheck source=deploy/lib/packages.sh
. deploy/lib/packages.sh
if [[ ${1:-} != --quick ]]; then
    packages_install build tests lint
fi

mapfile -t sources < <(git ls-files -co --exclude-standard -- 'common/**.[ch]' 'services/**.[ch]' 'tests/**.[ch]' 'common/**.cc' | xargs -r ls -d 2>/dev/null)
mapfile -t product < <(printf '%s\n' "${sources[@]}" | grep -v ^tests/)

# check NAME COMMAND...: runs a check and counts it if it fails.
check() {
    local name=$1
    shift
    if "$@"; then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        failed=1
    fi
}

form() {
    clang-format --dry-run -Werror "${sources[@]}"
}

# A function that is banned is one with a better one beside it: the bounded, the reentrant, the one that reports errors.
banned() {
    local words='strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atoll|atof|gmtime|localtime|system|popen|gets|rand|alloca'
    ! grep -nE "(^|[^A-Za-z0-9_>.])($words)[ ]*\(" "${product[@]}" /dev/null
}

# A statement that was prepared with * fails on every open connection once a migration has added a column.
named_columns() {
    ! grep -nE '^[^/]*"[^"]*((SELECT|RETURNING) +\*|\<[a-z_]+\.\*)' "${product[@]}" /dev/null
}

# Handlers never free: what a call needs is in its arena.
no_free_in_handlers() {
    local files
    mapfile -t files < <(grep -lE '^#include "(rpc/server|[a-z]+)\.h"' services/*/*.c | grep -vE 'services/(gateway|ctl)/' |
        xargs grep -lE 'sfms_method_row' || true)
    ! grep -nE '(^|[^A-Za-z0-9_])free[ ]*\(' "${files[@]}" /dev/null
}

# A file is one noun and stays under 500 lines; a line fits the screen, in the contract too, except in a table that is left as
# it is aligned.
sizes() {
    local ok=0
    while read -r lines file; do
        if [[ $file != total ]] && ((lines > 500)); then
            echo "$file has $lines lines"
            ok=1
        fi
    done < <(wc -l "${product[@]}")
    awk 'FNR == 1 { free = 0 } /clang-format off/ { free = 1 } /clang-format on/ { free = 0 }
         length($0) > 130 && !free { print FILENAME ":" FNR ": " length($0) " columns"; bad = 1 }
         END { exit bad }' "${product[@]}" proto/sfms/*/v1/*.proto || ok=1
    return $ok
}

# A function fits the screen: at most 60 lines between its braces in the first column.
functions() {
    awk '/^{/ { from = FNR } /^}/ && from { if (FNR - from > 61) { print FILENAME ":" from ": a function of " FNR - from - 1 " lines"; bad = 1 } from = 0 } END { exit bad }' "${product[@]}"
}

# No path of a machine, and no note to come back later.
leftovers() {
    local files
    mapfile -t files < <(git ls-files -- common services proto deploy tests README.md CMakeLists.txt | grep -vE '^tests/lint.sh$|/corpus/|\.csv$')
    ! grep -nE '(TO''DO|FIX''ME)|/home/[a-z]+/' "${files[@]}" /dev/null
}

shell_scripts() {
    local files
    mapfile -t files < <(git ls-files -- '*.sh' .ci/run)
    if ! command -v shellcheck >/dev/null; then
        echo "shellcheck is not installed: left out"
        return 0
    fi
    shellcheck -x -S warning "${files[@]}"
}

tidy() {
    if [[ ! -f $BUILD/compile_commands.json ]]; then
        echo "there is no $BUILD/compile_commands.json: run tests/run.sh first"
        return 1
    fi
    printf '%s\n' "${product[@]}" | grep '\.c$' |
        xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$BUILD" --extra-arg=-Wno-unknown-warning-option 2>/dev/null
}

# Without the generated headers, which cppcheck cannot read, and log.c, as it must be told that sfms_die never returns.
# invalidPointerCast: fields are found by their offset. comparePointers: symbols of the assembler are no objects to it.
cpp_check() {
    printf '%s\n' "${product[@]}" | grep -v -e 'core/log.[ch]$' -e '\.cc$' |
        cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr -j "$(nproc)" \
            '-Dsfms_die(...)=exit(1)' '-Dsfms_wrong(...)=exit(1)' '-Dcannot_listen(...)=exit(1)' '-Dctl_usage(...)=exit(2)' \
            --suppress=missingInclude --suppress=missingIncludeSystem --suppress=comparePointers \
            --suppress=invalidPointerCast --suppress=varFuncNullUB -I common --file-list=- 2>&1
}

check "form (clang-format)" form
check "banned functions" banned
check "no * in SQL" named_columns
check "no free in handlers" no_free_in_handlers
check "sizes of files and lines" sizes
check "sizes of functions" functions
check "leftovers" leftovers
check "shell scripts (shellcheck)" shell_scripts
if [[ ${1:-} != --quick ]]; then
    check "cppcheck" cpp_check
    check "clang-tidy" tidy
fi
exit $failed
