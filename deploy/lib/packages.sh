# shellcheck shell=bash
# packages.sh -- Debian packages, by the sections of packages.txt. Needs say.sh.

PACKAGES_FILE=$(dirname "${BASH_SOURCE[0]}")/../packages.txt

# packages_debian: the version of Debian that this is, as packages.txt names it; what is newer or unknown counts as the newest.
packages_debian() {
    case $(. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_ID:-}") in
    12) printf 12 ;;
    *) printf 13 ;;
    esac
}

# packages_list SECTION...: the packages of the sections, one a line.
packages_list() {
    local section
    for section in "$@"; do
        grep -qxF "[$section]" "$PACKAGES_FILE" || die "deploy/packages.txt has no section [$section]."
    done
    awk -v wanted=" $* " -v ours="-$(packages_debian)" '
        /^\[/          { section = substr($1, 2, length($1) - 2); sub(ours "$", "", section); next }
        /^(#|[ \t]*$)/ { next }
        index(wanted, " " section " ") { print $1 }' "$PACKAGES_FILE"
}

# packages_missing SECTION...: those of them that are not installed.
packages_missing() {
    local listed
    listed=$(packages_list "$@") || return 1
    # shellcheck disable=SC2086 # one word per package
    comm -23 <(sort -u <<<"$listed") \
        <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $listed 2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

# packages_root COMMAND...: runs a command as root: as we are, or by sudo.
packages_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo -- "$@"
    fi
}

# packages_install SECTION...: installs with apt what is missing; says nothing if nothing is. One sentence and exit 1 if
# it cannot: no apt, neither root nor sudo, no mirror within reach. SFMS_SKIP_PACKAGES=1 trusts that all is there.
packages_install() {
    local missing count log
    if [[ -n ${SFMS_SKIP_PACKAGES:-} ]]; then
        return 0
    fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        die "this system has no apt: install what deploy/packages.txt lists by hand, then start with SFMS_SKIP_PACKAGES=1."
    fi
    missing=$(packages_missing "$@") || exit 1
    missing=${missing//$'\n'/ }
    missing=${missing% }
    if [[ -z $missing ]]; then
        return 0
    fi
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        die "packages are missing and there is no sudo: run \"apt-get install --no-install-recommends $missing\" as root."
    fi
    if ((EUID != 0)) && ! sudo -n true 2>/dev/null && ! { [[ -t 0 ]] && sudo -v; }; then
        die "packages are missing and sudo does not let us: run \"apt-get install --no-install-recommends $missing\" as root."
    fi
    count=$(wc -w <<<"$missing")
    log=$(mktemp /tmp/sfms-apt-XXXXXX.log)
    say "Installing $count Debian packages (1 to 3 minutes): $missing …"
    # shellcheck disable=SC2086 # one word per package
    if ! packages_apt update >"$log" 2>&1 || ! packages_apt install $missing >>"$log" 2>&1; then
        packages_explain "$log" "$missing"
    fi
    rm -f "$log"
    say "    done"
}

# packages_apt VERB...: apt-get without questions, waiting for another apt that holds the lock.
packages_apt() {
    packages_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
        -o Acquire::Retries=2 --no-install-recommends "$@" </dev/null
}

# packages_explain LOG MISSING: ends with the sentence that fits what apt said.
packages_explain() {
    tail -n 6 "$1" | sed 's/^/    /' >&2
    if grep -qi 'no space left' "$1"; then
        die "the disk is full: the packages could not be installed ($1)."
    fi
    if grep -qiE 'could not resolve|temporary failure|unable to connect|failed to fetch|network is unreachable' "$1"; then
        die "no Debian mirror is within reach, and these packages are missing: $2 ($1)."
    fi
    if grep -qi 'unable to locate package' "$1"; then
        die "apt does not know some of these packages (they are those of Debian 12 and 13): $2 ($1)."
    fi
    die "apt could not install these packages: $2 ($1)."
}

# packages_tools TOOL...: one sentence and exit 1 if a command is not there.
packages_tools() {
    local tool
    for tool in "$@"; do
        if ! command -v "$tool" >/dev/null; then
            die "the command \"$tool\" is missing; its package is installed, so look at PATH ($PATH)."
        fi
    done
}
