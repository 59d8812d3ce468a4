#!/usr/bin/env bash
# Tests docker-compose.yml and deploy/Dockerfile: brings the stack up in containers, runs the README's tour against it, and
# takes it down. Installs and starts Debian's container engine where none runs; where no image registry is within reach,
# makes a base image with debootstrap and a PostgreSQL image from Debian's packages. A command of its own: tests/run.sh
# does not call it. Images and layers are kept in .sfms-containers (SFMS_CONTAINERS_HOME) for the next run.
set -euo pipefail

HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
ROOT=$(dirname "$(dirname "$HERE")")
# shellcheck source=deploy/lib/say.sh
source "$ROOT/deploy/lib/say.sh"
# shellcheck source=deploy/lib/packages.sh
source "$ROOT/deploy/lib/packages.sh"
# shellcheck source=tests/containers/engine.sh
source "$HERE/engine.sh"

STATE=${SFMS_CONTAINERS_HOME:-$ROOT/.sfms-containers}
PASSED=0
FAILED=0

# check TEXT COMMAND...: one test.
check() {
    local text=$1
    shift
    if "$@"; then
        PASSED=$((PASSED + 1))
        say "  ok    $text"
    else
        FAILED=$((FAILED + 1))
        say "  FAIL  $text"
    fi
}

# clean: takes everything down, whatever happened.
clean() {
    trap '' INT TERM
    trap - EXIT
    step_cancel
    if [[ -n ${TREE:-} && -d ${TREE:-} ]]; then
        compose logs --no-color --tail 60 >"$STATE/containers.log" 2>&1 || true
        compose down --volumes --remove-orphans >>"$LOG" 2>&1 || true
        rm -rf "$TREE"
    fi
    engine_down
}

compose() {
    (cd "$TREE" && engine_compose "$@")
}

# copy_tree: what the stack is built from, in a directory of its own, so that nobody's deploy/secrets are touched.
copy_tree() {
    TREE=$(mktemp -d /var/tmp/sfms-containers-XXXXXX)
    tar -C "$ROOT" --exclude=deploy/secrets -cf - \
        docker-compose.yml .dockerignore CMakeLists.txt proto common services deploy README.md | tar -C "$TREE" -xf -
}

# images: the two that others make, from a registry or by ourselves.
images() {
    export SFMS_BASE_IMAGE=debian:13-slim SFMS_POSTGRES_IMAGE=postgres:17 SFMS_IMAGE=sfms-test
    if ! engine_image_there "$SFMS_BASE_IMAGE"; then
        SFMS_BASE_IMAGE=sfms-test-debian:13
        docker image inspect "$SFMS_BASE_IMAGE" >/dev/null 2>&1 ||
            step "No registry: making a Debian image with debootstrap (about 1 minute)" "$LOG" engine_base "$SFMS_BASE_IMAGE"
    fi
    if ! engine_image_there "$SFMS_POSTGRES_IMAGE"; then
        SFMS_POSTGRES_IMAGE=sfms-test-postgres:17
        step "No registry: making a PostgreSQL image from Debian's packages" "$LOG" \
            docker build --network host --build-arg "BASE=$SFMS_BASE_IMAGE" -t "$SFMS_POSTGRES_IMAGE" \
            -f "$HERE/postgres.Dockerfile" "$HERE"
    fi
}

# free_port: a port that nobody listens on.
free_port() {
    local port
    for port in {18080..18180}; do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            printf '%s' "$port"
            return
        fi
    done
    die "no port from 18080 to 18180 is free."
}

# up: the stack, and an organisation with the demo data.
up() {
    compose up -d || return 1
    compose run --rm -T sfmsctl org create --name 'Demo 演示公司' --admin-email admin@demo.example \
        --admin-password-file - <<<"$PASSWORD" || return 1
    compose run --rm -T sfmsctl load /opt/sfms/share/demo.sql
}

# await_gateway: until it is ready.
await_gateway() {
    local i
    for ((i = 0; i < 600; i++)); do
        if [[ $(curl -fsS --noproxy '*' "http://127.0.0.1:$SFMS_PORT/readyz" 2>/dev/null) == *'"degraded":false'* ]]; then
            return 0
        fi
        sleep 0.2
    done
    return 1
}

# tour: runs the README's tour as it is written, but against this stack; the status of each request goes to a file.
tour() {
    {
        cat <<TEXT
curl() { command curl --noproxy '*' -w '%{stderr}%{http_code} %{method} %{url_effective}\n' "\$@" 2>>'$TREE/statuses'; echo; }
TEXT
        awk '/^## A tour/ { tour = 1; next } /^## / { tour = 0 } tour && /^```/ { code = !code; next } tour && code' "$TREE/README.md" |
            sed -e "s|^B=.*|B=http://127.0.0.1:$SFMS_PORT|" -e "s|^P=.*|P='$PASSWORD'|"
    } >"$TREE/tour.sh"
    bash -eu "$TREE/tour.sh" >"$TREE/tour.out" 2>>"$LOG"
    cat "$TREE/statuses" "$TREE/tour.out" >>"$LOG"
}

# tour_went_well: every request of the tour was answered with 2xx, but the move that the tour says is refused.
tour_went_well() {
    local good bad
    good=$(grep -c '^2' "$TREE/statuses" || true)
    bad=$(grep -vc '^2' "$TREE/statuses" || true)
    if ((good < 10 || bad != 1)); then
        sed 's/^/        /' "$TREE/statuses"
        return 1
    fi
}

image_has_no() {
    ! docker run --rm --entrypoint sh "$SFMS_IMAGE" -c "command -v $1" >/dev/null
}

only_the_gateway_is_published() {
    local published
    published=$(docker ps --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --format '{{.Names}} {{.Ports}}' | grep -c -- '->' || true)
    ((published == 1))
}

# all_healthy: every container of the stack says that it is well.
all_healthy() {
    local ill i
    for ((i = 0; i < 60; i++)); do
        ill=$(docker ps --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --format '{{.Names}} {{.Status}}' | grep -vc '(healthy)' || true)
        if ((ill == 0)); then
            return 0
        fi
        sleep 1
    done
    return 1
}

# survives_kill: a service that is killed is started again and gets well.
survives_kill() {
    local container
    container=$(compose ps -q pipeline)
    docker exec "$container" bash -c 'kill -9 -1' 2>/dev/null || true
    sleep 2
    (($(docker inspect --format '{{.RestartCount}}' "$container") > 0)) && all_healthy
}

# no_key_without_image: secrets.sh says so and keeps nothing, so that it makes the key when the image is there.
no_key_without_image() {
    rm -f "$TREE/deploy/secrets/token_key"
    ! "$TREE/deploy/secrets.sh" no-such-image:0 >/dev/null 2>&1 && [[ ! -e $TREE/deploy/secrets/token_key ]] &&
        "$TREE/deploy/secrets.sh" "$SFMS_IMAGE" >/dev/null && [[ -s $TREE/deploy/secrets/token_key ]]
}

# backup_restores: the commands of deploy/README.md, as they are printed, and all is there.
backup_restores() {
    local commands before after
    commands=$(awk '/^A backup/ { found = 1 } found && /^docker compose/; found && /^In a new/ { exit }' "$TREE/deploy/README.md" |
        sed 's/^docker compose/engine_compose/; $!s/$/ \&\&/')
    before=$(deal_count) && (cd "$TREE" && eval "$commands") >>"$LOG" 2>&1 && after=$(deal_count) &&
        ((before >= 2000 && before == after)) && await_gateway
}

deal_count() {
    compose exec -T postgres psql -U postgres -d sfms -XAtqc 'SELECT count(*) FROM pipeline.deals'
}

# opens ROLE SECRET: true if that password lets the role in, over the network.
opens() {
    compose exec -T -e "PGPASSWORD=$(<"$TREE/deploy/secrets/$2")" postgres psql -h postgres -U "$1" -d sfms -XAtqc 'SELECT 1' >>"$LOG" 2>&1
}

# passwords_are_apart: a service logs in only as itself.
passwords_are_apart() {
    opens sfms_identity database_password_identity && opens sfms_analytics database_password_analytics &&
        ! opens sfms_identity database_password_analytics && ! opens sfms_owner database_password_identity
}

owner_is_no_superuser() {
    [[ $(compose exec -T postgres psql -U postgres -d sfms -XAtqc \
        'SELECT rolname, rolsuper FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE datname = current_database()') == 'sfms_owner|f' ]]
}

checks() {
    check "the gateway is ready" await_gateway
    check "every container is healthy" all_healthy
    check "the README's tour" tour_went_well
    check "the image runs as a user without rights" test "$(docker run --rm --entrypoint id "$SFMS_IMAGE" -u)" = 10001
    check "the image has no compiler" image_has_no cc
    check "the image has no cmake" image_has_no cmake
    check "only the gateway is published" only_the_gateway_is_published
    check "a service logs in only as itself" passwords_are_apart
    check "the database's owner is no superuser" owner_is_no_superuser
    check "a killed service comes back" survives_kill
    check "a backup can be restored" backup_restores
    check "secrets are not made of nothing" no_key_without_image
    check "the contract is served" grep -q '"openapi"' <(curl -s --noproxy '*' "http://127.0.0.1:$SFMS_PORT/openapi.json")
}

main() {
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "this test needs root, for the container engine; there is no sudo."
        exec sudo -E "$HERE/run.sh" "$@"
    fi
    mkdir -p "$STATE"
    LOG=$STATE/run.log
    : >"$LOG"
    trap clean EXIT
    trap 'exit 130' INT TERM
    engine_up "$STATE"
    images
    copy_tree
    export COMPOSE_PROJECT_NAME=sfms-test-$$ SFMS_BUILD_NETWORK=host SFMS_PORT
    SFMS_PORT=$(free_port)
    PASSWORD=$(head -c 512 /dev/urandom | tr -dc 'A-Za-z0-9' | head -c 16)
    step "Building the image (about 3 minutes the first time)" "$LOG" compose build
    step "Making secrets" "$LOG" "$TREE/deploy/secrets.sh" "$SFMS_IMAGE"
    step "Starting the stack and loading the demo organisation" "$LOG" up
    await_gateway || say "The gateway is not ready after 2 minutes."
    tour || say "The tour stopped; the story is in $LOG."
    checks
    say "  image: $(docker images --format '{{.Size}}' "$SFMS_IMAGE")"
    if ((FAILED > 0)); then
        say "What the containers said is in $STATE/containers.log."
    fi
    say "$PASSED passed, $FAILED failed"
    ((FAILED == 0))
}

main "$@"
