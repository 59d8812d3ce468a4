# shellcheck shell=bash
# say.sh -- how the scripts talk: plain lines, one sentence for what goes wrong, and progress for long steps.

STEP_PID=

# say TEXT: one line. A closed terminal is no reason to stop.
say() {
    printf '%s\n' "$*" 2>/dev/null || true
}

# die TEXT: what went wrong, in one sentence, and the end.
die() {
    printf 'sfms: %s\n' "$*" >&2
    exit 1
}

# step TEXT LOG COMMAND...: runs the command, a function or a program, with its output in LOG, and says TEXT unless it is
# over at once. If it fails, the last lines of LOG, one sentence, and the end. The command has a process group of its own, so
# that a signal reaches us at once and step_cancel ends all of it.
step() {
    local text=$1 log=$2 begin=$SECONDS
    shift 2
    set -m
    ("$@") </dev/null >>"$log" 2>&1 &
    STEP_PID=$!
    set +m
    step_pause 0.4
    if kill -0 "$STEP_PID" 2>/dev/null; then
        say "$text …"
    fi
    step_watch "$log"
    if ! wait "$STEP_PID"; then
        STEP_PID=
        tail -n 8 "$log" | cut -c1-160 | sed 's/^/    /' >&2
        text=${text%% (*}
        die "$(step_reason "$log") while ${text,}; all of it is in $log."
    fi
    STEP_PID=
    if ((SECONDS - begin >= 3)); then
        say "    done in $((SECONDS - begin)) s"
    fi
}

# step_watch LOG: until the step is over, shows on a terminal how far it is, where the log counts like ninja: [3/120].
step_watch() {
    local count
    while kill -0 "$STEP_PID" 2>/dev/null; do
        step_pause 1
        count=$(tail -n 3 "$1" | sed -n 's/^\[\([0-9]*\/[0-9]*\)\].*/\1/p' | tail -n 1)
        if [[ -t 1 && -n $count ]]; then
            printf '\r    %s ' "$count"
        fi
    done
    if [[ -t 1 && -n ${count:-} ]]; then
        printf '\r                    \r'
    fi
}

# step_pause SECONDS: waits so long, or until the step is over.
step_pause() {
    local tick
    sleep "$1" &
    tick=$!
    wait -n "$STEP_PID" "$tick" 2>/dev/null || true
    kill "$tick" 2>/dev/null || true
}

# step_cancel: ends the step that runs, if one does.
step_cancel() {
    if [[ -n $STEP_PID ]]; then
        kill -TERM -- "-$STEP_PID" 2>/dev/null || true
        wait "$STEP_PID" 2>/dev/null || true
        STEP_PID=
    fi
}

# step_reason LOG: what its end tells about the failure.
step_reason() {
    if tail -n 40 "$1" | grep -qi 'no space left on device'; then
        printf 'the disk was full'
    else
        printf 'something went wrong'
    fi
}
