#!/usr/bin/env bash
# Makes the secrets that docker-compose.yml reads, in deploy/secrets: those that are missing, so it may be run again.
#   deploy/secrets.sh [IMAGE]     IMAGE is the image with sfmsctl in it: SFMS_IMAGE, or sfms
# The directory is closed to other users of this machine; the files in it are readable, so that the processes, which run
# as a user without rights in their containers, can read them where they are mounted.
set -euo pipefail

HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
IMAGE=${1:-${SFMS_IMAGE:-sfms}}
DIR=$HERE/secrets

# keep NAME TEXT: writes a secret once.
keep() {
    if [[ ! -s $DIR/$1 ]]; then
        printf '%s\n' "$2" >"$DIR/$1.new"
        chmod 444 "$DIR/$1.new"
        mv "$DIR/$1.new" "$DIR/$1"
        echo "made $DIR/$1"
    fi
}

# password: 32 letters and digits.
password() {
    head -c 512 /dev/urandom | tr -dc 'A-Za-z0-9' | head -c 32
}

install -d -m 700 "$DIR"
# Before there was a role sfms_owner, PostgreSQL's superuser was the owner, and the services had one password for all.
if [[ -s $DIR/database_owner_password && ! -e $DIR/database_superuser_password ]]; then
    rm -f "$DIR/database_url" "$DIR/database_password"
    mv "$DIR/database_owner_password" "$DIR/database_superuser_password"
fi
keep database_superuser_password "$(password)"
keep database_superuser_url "postgresql://postgres:$(<"$DIR/database_superuser_password")@postgres/sfms"
keep database_owner_password "$(password)"
keep database_url "postgresql://sfms_owner:$(<"$DIR/database_owner_password")@postgres/sfms"
for service in identity customers pipeline activities analytics exchange; do
    keep "database_password_$service" "$(password)"
done
keep wire "$(password)$(password)"
if [[ ! -s $DIR/token_key ]]; then
    if ! key=$(docker run --rm "$IMAGE" sfmsctl keygen token); then
        echo "sfms: the token key needs sfmsctl from the image \"$IMAGE\": docker compose build makes it." >&2
        exit 1
    fi
    keep token_key "$key"
fi
