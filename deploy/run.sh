#!/usr/bin/env bash
# Runs SFMS on this machine: installs what is missing, builds, starts a private database and the seven processes, and
# keeps them running until Ctrl-C. See usage below.
set -euo pipefail

HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
ROOT=$(dirname "$HERE")
for part in say packages database home build processes demo; do
    # shellcheck source=/dev/null
    source "$HERE/lib/$part.sh"
done

usage() {
    cat <<'TEXT'
Usage: deploy/run.sh [run|stop|status|reset [--yes]|--help]

  run      installs what is missing, builds, starts everything with a demo organisation, and prints a login.
           Runs until Ctrl-C, or until deploy/run.sh stop in another terminal. This is the default.
  stop     stops it.
  status   lists the processes and says whether the system is ready (exit code 0 if it is, 3 if it does not run).
  reset    stops it and deletes all its data; asks first, unless --yes is given.

Environment:
  SFMS_HOME             where it keeps everything: .sfms beside this script's folder
  SFMS_PORT             the port of the HTTP interface: 8080
  SFMS_HTTP_HOST        the address it listens on: 127.0.0.1
  SFMS_CORS_ORIGINS     sites whose scripts may call it, by commas, e.g. http://localhost:5173; * for all: none
  SFMS_CORS_HEADERS     headers that such scripts may send beside those of the API: none
  SFMS_DATABASE_URL     a PostgreSQL database to use, as its owner, instead of a private one
  SFMS_DATABASE_PASSWORDS  with it: a directory with a password for each service; made if it is not there
  SFMS_BUILD            where to build: build in the source tree
  SFMS_SKIP_PACKAGES=1  do not look at Debian packages: all that is needed is there
TEXT
}

SFMS_HOME=${SFMS_HOME:-$ROOT/.sfms}
SFMS_HOME=$(home_path)
SFMS_EXTERNAL_DATABASE=${SFMS_DATABASE_URL:-}
DATABASE_PORT=5432

# settings: what the processes read from the environment.
settings() {
    local name
    SFMS_SERVICES=
    for name in "${SERVICES[@]}"; do
        SFMS_SERVICES+="${SFMS_SERVICES:+,}$name=ipc://$SFMS_SOCKETS/$name.ipc"
    done
    SFMS_DATABASE_URL=${SFMS_EXTERNAL_DATABASE:-$(database_url "$SFMS_HOME/postgres" "$DATABASE_PORT" sfms)}
    SFMS_SECRET_FILE=$SFMS_HOME/secrets/wire
    SFMS_TOKEN_KEY_FILE=$SFMS_HOME/secrets/token-key
    unset SFMS_SECRET SFMS_TOKEN_KEY SFMS_LISTEN
    export SFMS_SERVICES SFMS_DATABASE_URL SFMS_SECRET_FILE SFMS_TOKEN_KEY_FILE SFMS_PORT SFMS_HTTP_HOST
}

# passwords: one for each service's role, in a file of its name; none where the private cluster asks for none, nor where there
# is one for all of them in SFMS_DATABASE_PASSWORD or SFMS_DATABASE_PASSWORD_FILE.
passwords() {
    local name
    if [[ -z $SFMS_EXTERNAL_DATABASE || -n ${SFMS_DATABASE_PASSWORD:-}${SFMS_DATABASE_PASSWORD_FILE:-} ]]; then
        SFMS_DATABASE_PASSWORDS=
        return
    fi
    SFMS_DATABASE_PASSWORDS=${SFMS_DATABASE_PASSWORDS:-$SFMS_HOME/secrets/database}
    (umask 077 && mkdir -p "$SFMS_DATABASE_PASSWORDS") || die "$SFMS_DATABASE_PASSWORDS cannot be made."
    for name in "${SERVICES[@]}"; do
        if [[ ! -s $SFMS_DATABASE_PASSWORDS/$name ]]; then
            (umask 077 && "$SFMS_BIN/sfmsctl" keygen secret >"$SFMS_DATABASE_PASSWORDS/$name") ||
                die "the password $SFMS_DATABASE_PASSWORDS/$name could not be made."
        fi
    done
}

# migrate: brings the database up to date; the services' roles get their passwords.
migrate() {
    local name
    for name in "${SERVICES[@]}"; do
        if [[ -n $SFMS_DATABASE_PASSWORDS ]]; then
            export "SFMS_DATABASE_PASSWORD_${name^^}_FILE=$SFMS_DATABASE_PASSWORDS/$name"
        fi
    done
    "$SFMS_BIN/sfmsctl" migrate
}

# check_port: one sentence and the end if the port is no number or taken.
check_port() {
    if ! [[ $SFMS_PORT =~ ^[1-9][0-9]{0,4}$ ]] || ((SFMS_PORT > 65535)); then
        die "SFMS_PORT must be a number from 1 to 65535, not \"$SFMS_PORT\"."
    fi
    if ((SFMS_PORT < 1024 && EUID != 0)); then
        die "only root may listen on port $SFMS_PORT; set SFMS_PORT to 1024 or more."
    fi
    if (exec 3<>"/dev/tcp/$(local_host)/$SFMS_PORT") 2>/dev/null; then
        die "port $SFMS_PORT is in use by another program; stop that one, or set SFMS_PORT to another port."
    fi
}

# local_host: the address at which this machine reaches the gateway.
local_host() {
    if [[ $SFMS_HTTP_HOST == 0.0.0.0 || $SFMS_HTTP_HOST == :: ]]; then
        printf 127.0.0.1
    else
        printf '%s' "$SFMS_HTTP_HOST"
    fi
}

# check_alone: one sentence and the end if it runs already. What a killed predecessor left behind is ended.
check_alone() {
    local pid
    home_ours
    pid=$(process_pid supervisor)
    if [[ -n $pid ]]; then
        die "SFMS runs already in $SFMS_HOME (process $pid); \"deploy/run.sh stop\" stops it."
    fi
    if [[ -d $SFMS_HOME/run ]]; then
        process_stop_all
    fi
}

# start_database: the private cluster, or a look at the one that was named.
start_database() {
    if [[ -n $SFMS_EXTERNAL_DATABASE ]]; then
        psql -XAtq -d "$SFMS_DATABASE_URL" -c 'SELECT 1' >/dev/null 2>"$(home_log database)" ||
            die "the database in SFMS_DATABASE_URL does not answer: $(head -n 1 "$(home_log database)")"
        return
    fi
    step "Starting PostgreSQL" "$(home_log database)" database_up
}

# database_up: runs as one step.
database_up() {
    database_start "$SFMS_HOME/postgres" "$DATABASE_PORT" &&
        database_ensure "$SFMS_HOME/postgres" "$DATABASE_PORT" sfms
}

# watch_database: starts the private cluster again if it has gone.
watch_database() {
    if [[ -z $SFMS_EXTERNAL_DATABASE ]] && ! database_running "$SFMS_HOME/postgres"; then
        say "$(date +%T) PostgreSQL ended; starting it again. Its log: $(database_place "$SFMS_HOME/postgres")/server.log"
        database_start "$SFMS_HOME/postgres" "$DATABASE_PORT" >>"$(home_log database)" 2>&1 || true
    fi
}

# await_ready: until every service answers and the gateway says so.
await_ready() {
    local i
    "$SFMS_BIN/sfmsctl" health --wait 30 || return 1
    for ((i = 0; i < 300; i++)); do
        if ready; then
            return 0
        fi
        sleep 0.1
    done
    return 1
}

# ready: true if the gateway says that it is, with all services.
ready() {
    [[ $(curl -fsS --max-time 2 --noproxy '*' "http://$(local_host):$SFMS_PORT/readyz" 2>/dev/null) == *'"degraded":false'* ]]
}

# shutdown: the end, in order: gateway, services, database.
shutdown() {
    trap '' INT TERM HUP
    trap - EXIT
    step_cancel
    if ((${#PROCESS_BEGIN[@]} > 0)); then
        say "Stopping …"
    fi
    process_stop_all
    if [[ -z $SFMS_EXTERNAL_DATABASE ]]; then
        database_stop "$SFMS_HOME/postgres" >>"$(home_log database)" 2>&1 || say "PostgreSQL did not stop; see $(home_log database)."
    fi
    rm -f "$SFMS_HOME/run/supervisor.pid" "$SFMS_HOME/run/address"
    if ((${#PROCESS_BEGIN[@]} > 0)); then
        say "Stopped."
    fi
}

# welcome: where it is, who may log in, and what to try.
welcome() {
    local url password
    url=http://$(local_host):$SFMS_PORT
    password=$(<"$SFMS_HOME/secrets/demo-password")
    cat <<TEXT || true

SFMS is ready at $url (the contract: $url/openapi.json)

  log in as   $DEMO_ADMIN      the administrator: sees everything
              manager@demo.example    a regional manager: sees her teams
              rep@demo.example        a sales person: sees his own
  password    $password

Try it:

  TOKEN=\$(curl -s $url/v1/sessions -H 'Content-Type: application/json' -d '{"email":"$DEMO_ADMIN","password":"$password"}' | sed 's/.*"accessToken" *: *"\([^"]*\)".*/\1/')
  curl -s -H "Authorization: Bearer \$TOKEN" '$url/v1/deals?pageSize=3&orderBy=amount%20desc'
  curl -s -H "Authorization: Bearer \$TOKEN" '$url/v1/analytics/forecast'

Data: $SFMS_HOME   Logs: $SFMS_HOME/log   Ctrl-C stops it.
TEXT
}

command_run() {
    SFMS_PORT=${SFMS_PORT:-8080}
    SFMS_HTTP_HOST=${SFMS_HTTP_HOST:-127.0.0.1}
    check_alone
    check_port
    home_open
    trap : PIPE # whoever reads our lines may go; children get the default back
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    process_record supervisor $$
    trap shutdown EXIT
    packages_install build run
    packages_tools cc cmake ninja protoc protoc-c pkg-config psql curl
    home_rotate
    SFMS_BUILD=$(build_directory "$ROOT")
    SFMS_BIN=$SFMS_BUILD
    build_run "$ROOT" "$SFMS_BUILD" "$(home_log build)"
    home_secret wire "$SFMS_BIN/sfmsctl" keygen secret
    home_secret token-key "$SFMS_BIN/sfmsctl" keygen token
    home_secret demo-password demo_password
    settings
    passwords
    start_database
    step "Bringing the database up to date" "$(home_log migrate)" migrate
    say "Starting the seven processes …"
    process_start_all
    process_await await_ready || die "the system was not ready within 30 seconds; the logs are in $SFMS_HOME/log."
    demo_ensure "$HERE/demo.sql"
    printf '%s %s\n' "$(local_host)" "$SFMS_PORT" >"$SFMS_HOME/run/address"
    welcome
    if [[ -n $SFMS_EXTERNAL_DATABASE ]] && ! demo_login "http://$(local_host):$SFMS_PORT"; then
        say "That password does not fit: the demo organisation in this database was made from another SFMS_HOME, which has its password."
    fi
    trap 'exit 0' INT TERM HUP
    process_supervise watch_database
}

command_stop() {
    local pid left
    home_ours
    pid=$(process_pid supervisor)
    if [[ -n $pid ]]; then
        kill -TERM "$pid" 2>/dev/null || die "process $pid belongs to another user; stop it as that user."
        while [[ -n $(process_stamp "$pid") ]]; do
            sleep 0.1
        done
        say "Stopped."
        return
    fi
    if [[ ! -d $SFMS_HOME/run ]]; then
        say "SFMS does not run in $SFMS_HOME."
        return
    fi
    left=$(process_left)
    process_stop_all
    if [[ -z $SFMS_EXTERNAL_DATABASE ]] && database_running "$SFMS_HOME/postgres"; then
        database_stop "$SFMS_HOME/postgres"
        left+=postgresql
    fi
    rm -f "$SFMS_HOME/run/supervisor.pid" "$SFMS_HOME/run/address"
    if [[ -n $left ]]; then
        say "Stopped what a killed deploy/run.sh had left in $SFMS_HOME: ${left% }."
    else
        say "SFMS does not run in $SFMS_HOME."
    fi
}

# status_line NAME PID: one line of the list.
status_line() {
    if [[ -z $2 ]]; then
        printf '%-16s %8s  %s\n' "$1" - stopped
    else
        printf '%-16s %8s  up %6s min %5s MB\n' "$1" "$2" "$(($(process_age "$2") / 60))" \
            "$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$2/status")"
    fi
}

command_status() {
    local name left
    home_ours
    if [[ -z $(process_pid supervisor) ]]; then
        left=$(process_left)
        if [[ -n $left ]]; then
            say "deploy/run.sh was killed; left in $SFMS_HOME are ${left% }. \"deploy/run.sh stop\" ends them."
            return 1
        fi
        say "SFMS does not run in $SFMS_HOME."
        return 3
    fi
    if [[ -z $SFMS_EXTERNAL_DATABASE ]]; then
        status_line postgresql "$(database_as head -n 1 "$(database_place "$SFMS_HOME/postgres")/data/postmaster.pid" 2>/dev/null)"
    fi
    for name in "${SERVICES[@]}" gateway; do
        status_line "sfms-$name" "$(process_pid "$name")"
    done
    if [[ ! -r $SFMS_HOME/run/address ]]; then
        say "It is starting."
        return 1
    fi
    read -r SFMS_HTTP_HOST SFMS_PORT <"$SFMS_HOME/run/address"
    if ready; then
        say "Ready at http://$SFMS_HTTP_HOST:$SFMS_PORT."
        return 0
    fi
    say "Not ready at http://$SFMS_HTTP_HOST:$SFMS_PORT; the logs are in $SFMS_HOME/log."
    return 1
}

command_reset() {
    local answer
    if [[ ! -e $SFMS_HOME/.sfms-home ]]; then
        say "There is nothing to delete in $SFMS_HOME."
        return
    fi
    if [[ ${1:-} != --yes ]]; then
        if [[ ! -t 0 ]]; then
            die "reset deletes all data in $SFMS_HOME; say \"deploy/run.sh reset --yes\" if that is what you want."
        fi
        read -r -p "Delete all data in $SFMS_HOME? [y/N] " answer
        if [[ $answer != [yY]* ]]; then
            say "Nothing was deleted."
            return
        fi
    fi
    command_stop >/dev/null
    home_remove
    say "The data in $SFMS_HOME are deleted."
    if [[ -n $SFMS_EXTERNAL_DATABASE ]]; then
        say "The database in SFMS_DATABASE_URL is as it was: delete it yourself."
    fi
}

case ${1:-run} in
    run) command_run ;;
    stop) command_stop ;;
    status) command_status ;;
    reset) command_reset "${2:-}" ;;
    -h | --help | help) usage ;;
    *)
        usage >&2
        die "unknown command \"$1\"."
        ;;
esac
