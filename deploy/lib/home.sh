# shellcheck shell=bash
# home.sh -- SFMS_HOME, the directory with all that one instance keeps. Needs say.sh and database.sh.
#
#   postgres/  the private cluster      log/      one file per process
#   secrets/   made once, 0600          run/      sockets and pid files, 0700
#   build/     only where the source tree cannot be written

# home_path: SFMS_HOME as an absolute path.
home_path() {
    realpath -m -- "$SFMS_HOME"
}

# home_ours: one sentence and the end if it belongs to somebody else: what runs there could not be told.
home_ours() {
    if [[ -d $SFMS_HOME/run && ! -w $SFMS_HOME/run ]]; then
        die "SFMS_HOME ($SFMS_HOME) belongs to $(stat -c %U "$SFMS_HOME/run"); act as that user, or choose another."
    fi
}

# home_open: makes what is missing. A directory that is neither empty nor ours is refused, because reset deletes.
home_open() {
    if [[ -d $SFMS_HOME && ! -e $SFMS_HOME/.sfms-home && -n $(ls -A "$SFMS_HOME") ]]; then
        die "SFMS_HOME ($SFMS_HOME) is not empty and was not made by this script; choose another."
    fi
    mkdir -p "$SFMS_HOME" 2>/dev/null || die "SFMS_HOME ($SFMS_HOME) cannot be made; choose another."
    if [[ ! -w $SFMS_HOME ]]; then
        die "SFMS_HOME ($SFMS_HOME) cannot be written; choose another."
    fi
    home_disk
    touch "$SFMS_HOME/.sfms-home"
    install -d -m 700 "$SFMS_HOME/log" "$SFMS_HOME/secrets" "$SFMS_HOME/run"
    SFMS_SOCKETS=$(home_sockets)
    if [[ ! -e $SFMS_SOCKETS ]]; then
        install -d -m 700 "$SFMS_SOCKETS"
    fi
    if [[ -L $SFMS_SOCKETS || ! -O $SFMS_SOCKETS ]]; then
        die "$SFMS_SOCKETS belongs to somebody else; move it away, or choose another SFMS_HOME."
    fi
}

# home_sockets: the directory of the services' sockets; a short one under /tmp where SFMS_HOME is too long for a unix
# socket (107 bytes) or has characters that mean something in SFMS_SERVICES.
home_sockets() {
    if ((${#SFMS_HOME} > 80)) || [[ $SFMS_HOME =~ [^A-Za-z0-9._/-] ]]; then
        printf '/tmp/sfms-%s' "$(database_hash "$SFMS_HOME")"
    else
        printf '%s/run' "$SFMS_HOME"
    fi
}

# home_disk: one sentence and the end if the disk has less than 1 GB free.
home_disk() {
    local free
    free=$(df -Pk "$SFMS_HOME" | awk 'NR == 2 { print int($4 / 1024) }')
    if ((free < 1024)); then
        die "the disk that holds $SFMS_HOME has $free MB free; 1024 MB are needed."
    fi
}

# home_secret NAME COMMAND...: keeps what the command prints as a secret, once.
home_secret() {
    local file=$SFMS_HOME/secrets/$1
    shift
    if [[ ! -s $file ]]; then
        (umask 077 && "$@" >"$file.new") || die "the secret $file could not be made."
        mv "$file.new" "$file"
    fi
}

# home_log NAME: the log file of a process; a long one is put aside at a start.
home_log() {
    printf '%s/log/%s.log' "$SFMS_HOME" "$1"
}

# home_rotate: puts aside logs of more than 50 MB.
home_rotate() {
    find "$SFMS_HOME/log" -name '*.log' -size +50M -exec mv {} {}.old \;
}

# home_remove: deletes the data, the secrets and the logs; not the build.
home_remove() {
    if [[ ! -e $SFMS_HOME/.sfms-home ]]; then
        die "there is nothing to delete in $SFMS_HOME."
    fi
    database_remove "$SFMS_HOME/postgres"
    rm -rf -- "$(home_sockets)" "${SFMS_HOME:?}/run" "$SFMS_HOME/secrets" "$SFMS_HOME/log"
    if [[ ! -d $SFMS_HOME/build ]]; then
        rm -f "$SFMS_HOME/.sfms-home"
        rmdir "$SFMS_HOME" 2>/dev/null || true
    fi
}
