# shellcheck shell=bash
# engine.sh -- a container engine and the images that the stack stands on. Needs deploy/lib's say.sh and packages.sh.

ENGINE_DIR=     # where our own engine lives; empty if one was running already
ENGINE_PID=
ENGINE_RULES=   # the packet filter as it was before our engine changed it, as iptables-restore reads it
ENGINE_FORWARD= # and whether this machine forwarded packets

# engine_up DIR: an engine that answers: the one that runs, or Debian's, installed and started by us with its state in DIR.
engine_up() {
    local i
    if ! engine_answers || ! engine_compose_there; then
        packages_install containers
    fi
    for ((i = 0; i < 5; i++)); do # where there is systemd, the package has started it
        if engine_answers; then
            say "Using the container engine that runs."
            return
        fi
        [[ -d /run/systemd/system ]] || break
        sleep 1
    done
    engine_start "$1" || engine_start "$1" --iptables=false --ip6tables=false ||
        engine_start "$1" --iptables=false --ip6tables=false --storage-driver=vfs ||
        die "no container engine can be started here; its log is $1/dockerd.log."
}

engine_answers() {
    docker info >/dev/null 2>&1
}

engine_compose_there() {
    docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null
}

# engine_compose ARGUMENT...: the compose command that is there, old or new.
engine_compose() {
    if docker compose version >/dev/null 2>&1; then
        docker compose "$@"
    else
        docker-compose "$@"
    fi
}

# engine_start DIR OPTION...: our own engine, on a socket of its own; false if it does not answer within 30 seconds.
engine_start() {
    local dir=$1 i
    shift
    ENGINE_DIR=/tmp/sfms-engine-$(sha256sum <<<"$dir" | cut -c1-12)
    mkdir -p "$dir"
    install -d -m 700 "$ENGINE_DIR"
    ENGINE_RULES=$(engine_rules)
    ENGINE_FORWARD=$(</proc/sys/net/ipv4/ip_forward)
    say "Starting a container engine (dockerd $*) …"
    dockerd --host "unix://$ENGINE_DIR/docker.sock" --data-root "$dir/engine" --exec-root "$ENGINE_DIR/exec" \
        --pidfile "$ENGINE_DIR/dockerd.pid" "$@" </dev/null >>"$dir/dockerd.log" 2>&1 &
    ENGINE_PID=$!
    export DOCKER_HOST=unix://$ENGINE_DIR/docker.sock
    for ((i = 0; i < 300; i++)); do
        if engine_answers; then
            return 0
        fi
        if ! kill -0 "$ENGINE_PID" 2>/dev/null; then
            break
        fi
        sleep 0.1
    done
    engine_down
    return 1
}

# engine_rules: the packet filter as it is. The tables are named, because one that is empty is not printed otherwise, and
# to restore it would leave in it what came later.
engine_rules() {
    local table
    for table in filter nat raw; do
        iptables-save -t "$table" 2>/dev/null || true
    done
}

# engine_down: stops our own engine and puts the packet filter back; one that was running stays.
engine_down() {
    if [[ -z $ENGINE_PID ]]; then
        return
    fi
    kill -TERM "$ENGINE_PID" 2>/dev/null || true
    wait "$ENGINE_PID" 2>/dev/null || true
    ENGINE_PID=
    iptables-restore <<<"$ENGINE_RULES" 2>/dev/null || true
    echo "$ENGINE_FORWARD" >/proc/sys/net/ipv4/ip_forward || true
    if command -v ip >/dev/null && ip link show docker0 >/dev/null 2>&1; then
        ip link delete docker0 2>/dev/null || true
    fi
    umount "$ENGINE_DIR"/exec/netns/* 2>/dev/null || true
    rm -rf "$ENGINE_DIR"
}

# engine_image_there NAME: true if the engine has the image, or gets it from a registry.
engine_image_there() {
    docker image inspect "$1" >/dev/null 2>&1 || timeout 300 docker pull -q "$1" >/dev/null 2>&1
}

# engine_base NAME: makes an image of Debian 13 with debootstrap, from the mirror that this machine uses.
engine_base() {
    local root mirror
    mirror=$(engine_mirrors | awk '$2 == "trixie" { print $1; exit }')
    root=$(mktemp -d /var/tmp/sfms-base-XXXXXX)
    debootstrap --variant=minbase trixie "$root" "${mirror:-http://deb.debian.org/debian}" || return 1
    engine_mirrors | awk '{ print "deb", $1, $2, "main" }' >"$root/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date)' >"$root/etc/apt/apt.conf.d/90host" || true
    tar -C "$root" --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*' --exclude='./dev/*' -cf - . | docker import --change 'CMD ["bash"]' - "$1" || return 1
    rm -rf "$root"
}

# engine_mirrors: the sources of Debian 13 that this machine's apt knows, as "ADDRESS SUITE"; Debian's own if none.
engine_mirrors() {
    local known
    # shellcheck disable=SC2016 # apt's variables, not ours
    known=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
        awk '$2 ~ /^trixie(-updates|-security)?$/ && $3 == "main" && $4 == "Debian" { print $1, $2 }' | sort -u)
    if ! grep -q ' trixie$' <<<"$known"; then
        known='http://deb.debian.org/debian trixie'
    fi
    printf '%s\n' "$known"
}
