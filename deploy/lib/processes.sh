# shellcheck shell=bash
# processes.sh -- the seven processes: start, watch, restart, stop. Needs say.sh and home.sh.
#
# Each runs in a session of its own, so that Ctrl-C reaches this script alone, which then stops them in order: first the
# gateway, so that nothing new comes in, then the services. A pid file holds the pid and the kernel's start time of
# the process: a number that was given to another process since then is recognised.

SERVICES=(identity customers pipeline activities analytics exchange)
declare -A PROCESS_NAMES=()  # pid -> name
declare -A PROCESS_DELAYS=() # name -> delay of the next restart, in seconds
declare -A PROCESS_BEGIN=()  # name -> SECONDS when it was started
PROCESS_TICK=                # pid of the sleep that wakes process_supervise

# process_stamp PID: its start time, nothing if it is not there or a zombie.
process_stamp() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    read -ra fields <<<"${stat##*) }"
    if [[ ${fields[0]} != Z ]]; then
        printf '%s' "${fields[19]}"
    fi
}

# process_age PID: for how many seconds it has run.
process_age() {
    local up
    read -r up _ </proc/uptime
    printf '%s' $((${up%.*} - $(process_stamp "$1") / 100))
}

# process_record NAME PID: writes the pid file.
process_record() {
    printf '%s %s\n' "$2" "$(process_stamp "$2")" >"$SFMS_HOME/run/$1.pid"
}

# process_pid NAME: the pid from the pid file if that very process still runs, else nothing.
process_pid() {
    local pid stamp
    if [[ -r $SFMS_HOME/run/$1.pid ]] && read -r pid stamp <"$SFMS_HOME/run/$1.pid" && [[ -n $stamp ]]; then
        if [[ $(process_stamp "$pid") == "$stamp" ]]; then
            printf '%s' "$pid"
        fi
    fi
}

# process_left: the names of those that run, each with a space behind it.
process_left() {
    local name
    for name in gateway "${SERVICES[@]}"; do
        if [[ -n $(process_pid "$name") ]]; then
            printf 'sfms-%s ' "$name"
        fi
    done
}

# process_start NAME [DELAY]: starts sfms-NAME from SFMS_BIN, after DELAY seconds. Only the gateway has no database; each of the
# others gets its own password, if there are passwords.
process_start() {
    local name=$1 delay=${2:-0}
    (
        if [[ $delay != 0 ]]; then
            sleep "$delay"
        fi
        if [[ $name == gateway ]]; then
            unset SFMS_DATABASE_URL SFMS_DATABASE_PASSWORD SFMS_DATABASE_PASSWORD_FILE
        elif [[ -n ${SFMS_DATABASE_PASSWORDS:-} ]]; then
            export SFMS_DATABASE_PASSWORD_FILE=$SFMS_DATABASE_PASSWORDS/$name
        fi
        if [[ $name != identity ]]; then
            unset SFMS_TOKEN_KEY_FILE
        fi
        exec setsid "$SFMS_BIN/sfms-$name"
    ) </dev/null >>"$(home_log "$name")" 2>&1 &
    PROCESS_NAMES[$!]=$name
    PROCESS_BEGIN[$name]=$SECONDS
    process_record "$name" "$!"
}

# process_start_all: the services, then the gateway.
process_start_all() {
    local name
    for name in "${SERVICES[@]}" gateway; do
        process_start "$name"
    done
}

# process_restart PID STATUS: says that the process is gone and starts it again; one that keeps dying waits longer each
# time, up to 10 seconds.
process_restart() {
    local name=${PROCESS_NAMES[$1]} delay
    unset "PROCESS_NAMES[$1]"
    delay=${PROCESS_DELAYS[$name]:-0}
    if ((SECONDS - PROCESS_BEGIN[$name] > 30)); then
        delay=0
    fi
    PROCESS_DELAYS[$name]=$((delay == 0 ? 1 : delay >= 5 ? 10 : delay * 2))
    say "$(date +%T) sfms-$name ended ($(process_ending "$2")); starting it again$( ((delay == 0)) || printf ' in %s s' "$delay"). Its log: $(home_log "$name")"
    process_start "$name" "$delay"
}

# process_ending STATUS: a wait status in words.
process_ending() {
    if (($1 > 128)); then
        printf 'signal %s' "$(kill -l $(($1 - 128)))"
    else
        printf 'exit code %s' "$1"
    fi
}

# process_stop NAME...: asks them to end (they finish what they are doing) and waits; after 20 seconds ends them the
# hard way and says so.
process_stop() {
    local name pid deadline=$((SECONDS + 20)) left=()
    for name in "$@"; do
        pid=$(process_pid "$name")
        if [[ -n $pid ]]; then
            kill -TERM "$pid" 2>/dev/null || true
            left+=("$name")
        fi
    done
    while ((${#left[@]} > 0 && SECONDS < deadline)); do
        sleep 0.05
        for name in "${!left[@]}"; do
            if [[ -z $(process_pid "${left[$name]}") ]]; then
                unset "left[$name]"
            fi
        done
    done
    for name in "${left[@]}"; do
        say "sfms-$name did not end within 20 seconds; it is ended the hard way."
        kill -KILL "$(process_pid "$name")" 2>/dev/null || true
    done
    for name in "$@"; do
        rm -f "$SFMS_HOME/run/$name.pid"
    done
}

# process_stop_all: the gateway first, then the services together.
process_stop_all() {
    if [[ -n $PROCESS_TICK ]]; then
        kill "$PROCESS_TICK" 2>/dev/null || true
    fi
    process_stop gateway
    process_stop "${SERVICES[@]}"
}

# process_await COMMAND...: runs a command that waits until all is ready; fails if it does, or as soon as one of the
# processes ends: then it says which.
process_await() {
    local waiter gone status
    "$@" </dev/null >>"$(home_log start)" 2>&1 &
    waiter=$!
    while true; do
        status=0
        { wait -n -p gone || status=$?; } 2>/dev/null # bash would tell of a kill in its own way
        if [[ ${gone:-} == "$waiter" ]]; then
            return "$status"
        fi
        if [[ -n ${gone:-} && -n ${PROCESS_NAMES[$gone]:-} ]]; then
            kill "$waiter" 2>/dev/null || true
            tail -n 5 "$(home_log "${PROCESS_NAMES[$gone]}")" | sed 's/^/    /' >&2
            die "sfms-${PROCESS_NAMES[$gone]} ended while starting ($(process_ending "$status")); its log is $(home_log "${PROCESS_NAMES[$gone]}")."
        fi
    done
}

# process_supervise COMMAND...: restarts what ends, until a signal ends this script; runs the command every 5 seconds.
process_supervise() {
    local gone status
    while true; do
        if [[ -z $PROCESS_TICK ]]; then
            sleep 5 &
            PROCESS_TICK=$!
        fi
        status=0
        { wait -n -p gone || status=$?; } 2>/dev/null # bash would tell of a kill in its own way
        if [[ ${gone:-} == "$PROCESS_TICK" ]]; then
            PROCESS_TICK=
            "$@"
        elif [[ -n ${gone:-} && -n ${PROCESS_NAMES[$gone]:-} ]]; then
            process_restart "$gone" "$status"
        fi
    done
}
