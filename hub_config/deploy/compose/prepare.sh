#!/bin/sh
# Write .env with fresh secrets; what is there already stays as it is.
#   ./prepare.sh [COURSES]      the folder of the courses, by default the ones that come along
set -eu
cd "$(dirname "$0")"
umask 077
[ ! -e .env ] || { echo ".env is there already; nothing was changed."; exit 0; }
courses=$(cd "${1:-../../../exercises/courses}" && pwd)
socket=${DOCKER_SOCKET:-/var/run/docker.sock}
[ -S "$socket" ] || { echo "There is no Docker socket $socket: start Docker, or name it in DOCKER_SOCKET." >&2; exit 1; }
secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
password=$(secret)
cat > .env.new <<END
COMPOSE_PROJECT_NAME=nbcoach
# The name that people type; localhost gets a certificate of the gateway's own authority.
NBCOACH_DOMAIN=localhost
NBCOACH_COURSES=$courses
DOCKER_GID=$(stat -c %g "$socket")
NBCOACH_GRADER_TOKEN=$(secret)
NBCOACH_RECOMMENDER_TOKEN=$(secret)
# Encrypts names, addresses and comments in the store: what is encrypted is lost without it.
NBCOACH_KEYS=$(secret)
NBCOACH_STORE_PASSWORD=$password
MONGODB_URI=mongodb://nbcoach:$password@store:27017/nbcoach?authSource=admin
END
mv .env.new .env
echo "Wrote $(pwd)/.env: keep it secret, and keep a copy."
