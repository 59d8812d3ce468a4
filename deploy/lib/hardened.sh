#!/usr/bin/env bash
# deploy/lib/hardened.sh BINARY...: looks whether binaries have what the build wants against slips in memory. Each build does this
# with what it has linked. Status 1 and a sentence for each that is missing.
set -euo pipefail

missing=0

# has BINARY WHAT COMMAND...: the output of the command is not empty.
has() {
    local binary=$1 what=$2
    shift 2
    if [[ -z $("$@" 2>/dev/null) ]]; then
        echo "$binary: $what is missing" >&2
        missing=1
    fi
}

kind() { readelf -hW "$1" | grep -E 'Type:.*DYN'; }
segments() { readelf -lW "$1" | grep -E "$2"; }
dynamic() { readelf -dW "$1" | grep -E "$2"; }
symbols() { readelf --dyn-syms -W "$1" | grep -E "$2"; }
flags() { grep -aom1 -- "$2" "$1"; } # the compiler writes its arguments into what debuggers read

for binary in "$@"; do
    has "$binary" 'an address of its own at each start (PIE)' kind "$binary"
    has "$binary" 'RELRO' segments "$binary" 'GNU_RELRO'
    has "$binary" 'binding at start (full RELRO)' dynamic "$binary" 'BIND_NOW|FLAGS_1.*NOW'
    has "$binary" 'a stack without code' segments "$binary" 'GNU_STACK.* RW '
    has "$binary" 'the stack protector' symbols "$binary" '__stack_chk_fail'
    has "$binary" '_FORTIFY_SOURCE' symbols "$binary" '__(mem|str|v?s?n?printf|v?snprintf|read|recv|fd)[a-z]*_chk'
    has "$binary" 'protection against stack clashes' flags "$binary" -fstack-clash-protection
done
exit $missing
