# shellcheck shell=bash
# database.sh -- a private PostgreSQL cluster on a unix socket, no TCP. Needs say.sh.
#
# A cluster lives in a directory: data/ (the cluster), server.log, and socket/ (0700: who may enter may connect, as any
# role). Root may not run PostgreSQL, so root's cluster belongs to the user postgres; anybody else's to themselves.

# database_bin: where PostgreSQL's programs are.
database_bin() {
    local bin
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    if [[ ! -x $bin/initdb ]]; then
        bin=$(dirname "$(command -v initdb || echo /nowhere/initdb)")
    fi
    if [[ ! -x $bin/initdb ]]; then
        die "PostgreSQL's initdb is missing: install postgresql."
    fi
    printf '%s' "$bin"
}

# database_as COMMAND...: runs it as the user to whom the cluster belongs.
database_as() {
    if ((EUID == 0)); then
        (cd / && exec runuser -u postgres -- "$@")
    else
        (cd / && exec "$@")
    fi
}

# database_place DIR: where the cluster for DIR really is: DIR, or a directory of its own under /var/lib/sfms if the
# user postgres cannot reach DIR (one under /root, for example).
database_place() {
    local parent
    parent=$(dirname "$1")
    if ((EUID == 0)) && ! database_as test -x "$parent"; then
        printf '/var/lib/sfms/%s' "$(database_hash "$1")"
        return
    fi
    printf '%s' "$1"
}

# database_hash TEXT: twelve characters that stand for it.
database_hash() {
    printf '%s' "$1" | sha256sum | cut -c1-12
}

# database_socket DIR: the directory of the socket; a short one under /tmp where DIR is too long for a unix socket (107
# bytes) or has characters that would need quoting in a connection string.
database_socket() {
    local place
    place=$(database_place "$1")
    if ((${#place} > 75)) || [[ $place =~ [^A-Za-z0-9._/-] ]]; then
        printf '/tmp/sfms-%s-db' "$(database_hash "$1")"
    else
        printf '%s/socket' "$place"
    fi
}

# database_own DIR: makes DIR, private, for the cluster's user; refuses one that somebody else made.
database_own() {
    local owner=$EUID
    if ((EUID == 0)); then
        owner=$(id -u postgres) || die "the user postgres is missing: install postgresql."
    fi
    if [[ ! -e $1 ]]; then
        install -d -m 700 -o "$owner" "$1" || die "cannot make $1."
    fi
    if [[ -L $1 || $(stat -c %u "$1") != "$owner" ]]; then
        die "$1 belongs to somebody else; move it away, or choose another SFMS_HOME."
    fi
}

# database_url DIR PORT NAME: how to connect to the database NAME as its owner.
database_url() {
    printf 'host=%s port=%s dbname=%s user=postgres' "$(database_socket "$1")" "$2" "$3"
}

# database_running DIR: true if its server runs.
database_running() {
    local place
    place=$(database_place "$1")
    [[ -e $place/data/postmaster.pid ]] && database_as "$(database_bin)/pg_ctl" -D "$place/data" status >/dev/null 2>&1
}

# database_create DIR: makes the cluster if there is none; one that is there gets the settings of this version. Half a cluster (initdb was interrupted) is made anew.
database_create() {
    local place
    place=$(database_place "$1")
    if [[ -e $place/data/sfms.conf ]]; then
        database_settings | database_as tee "$place/data/sfms.conf" >/dev/null
        return
    fi
    mkdir -p "$(dirname "$place")"
    database_own "$place"
    rm -rf "$place/data"
    database_as "$(database_bin)/initdb" -D "$place/data" -U postgres --locale=C.UTF-8 --encoding=UTF8 \
        --auth-local=trust --auth-host=reject --no-instructions || return 1
    database_settings | database_as tee "$place/data/sfms.conf.new" >/dev/null || return 1
    echo "include 'sfms.conf'" | database_as tee -a "$place/data/postgresql.conf" >/dev/null || return 1
    database_as mv "$place/data/sfms.conf.new" "$place/data/sfms.conf"
}

# database_settings: what differs from PostgreSQL's own defaults; docker-compose.yml uses the same file.
database_settings() {
    cat "$(dirname "${BASH_SOURCE[0]}")/../postgres/sfms.conf"
}

# database_start DIR PORT: makes the cluster where there is none and starts its server; returns when it takes
# connections. PORT only names the socket. Nothing happens if it runs already. Fails with PostgreSQL's words on
# standard error.
database_start() {
    local place socket
    place=$(database_place "$1")
    socket=$(database_socket "$1")
    database_create "$1" || return 1
    database_own "$socket"
    if database_running "$1"; then
        return 0
    fi
    if ! database_as "$(database_bin)/pg_ctl" -D "$place/data" -l "$place/server.log" -w -t 120 -s \
        -o "-h '' -k '$socket' -p $2" start </dev/null; then
        tail -n 5 "$place/server.log" >&2
        return 1
    fi
}

# database_stop DIR: stops the server if it runs: open transactions are rolled back.
database_stop() {
    if database_running "$1"; then
        database_as "$(database_bin)/pg_ctl" -D "$(database_place "$1")/data" -m fast -w -t 60 -s stop
    fi
}

# database_ensure DIR PORT NAME: makes the database if it is not there.
database_ensure() {
    local bin
    bin=$(database_bin)
    if [[ $("$bin/psql" -XAtq -d "$(database_url "$1" "$2" postgres)" \
        -c "SELECT 1 FROM pg_database WHERE datname = '$3'") != 1 ]]; then
        "$bin/psql" -XAtq -d "$(database_url "$1" "$2" postgres)" -c "CREATE DATABASE \"$3\""
    fi
}

# database_remove DIR: deletes the cluster of a server that does not run.
database_remove() {
    local place
    place=$(database_place "$1")
    rm -rf -- "${place:?}" "$(database_socket "$1")"
    rmdir /var/lib/sfms 2>/dev/null || true
}
