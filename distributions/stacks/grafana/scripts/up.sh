#!/usr/bin/env bash
# Creates what the stack needs and does not have yet, starts it, and waits until it is healthy.
# Run it again after a change or an upgrade.
set -euo pipefail
STACK=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../../lib/common.sh
. "$STACK/../lib/common.sh"
need docker

[ -f "$STACK/.env" ] || die "there is no $STACK/.env: copy .env.example and set the names"

# Containers read the files as different users, so they are readable, in a folder that only
# their owner may enter.
umask 077
mkdir -p "$STACK/secrets/tls" "$STACK/bin"
chmod 700 "$STACK/secrets"
# secret NAME PREFIX LENGTH: a random secret, unless there is one.
secret() {
    local file=$STACK/secrets/$1
    if [ ! -s "$file" ]; then
        printf '%s%s\n' "$2" "$(random_text "$3")" >"$file"
        say "created secrets/$1"
    fi
    chmod 444 "$file"
}
secret postgres_password '' 32
secret gateway_pgpass 'postgres:5432:tenants:gateway:' 32
secret tenantctl_pgpass 'postgres:5432:tenants:tenantctl:' 32
secret grafana_db_password '' 32
secret grafana_admin_password '' 32
secret grafana_secret_key '' 32

compose config --quiet
image=$(compose config --images | grep '^otelcol-tenant:' | sort -u)
[ "$(printf '%s\n' "$image" | wc -l)" = 1 ] || die "the services have different images of the gateway: $image"
docker image inspect "$image" >/dev/null 2>&1 || die "there is no image $image: run make image and docker load, or set OTELCOL_TENANT_VERSION in .env"

# Mimir's health check: its image has no program for it.
container=$(docker create "$image")
trap 'docker rm "$container" >/dev/null' EXIT
docker cp "$container:/tenantctl" "$STACK/bin/tenantctl.new" >/dev/null
chmod 755 "$STACK/bin" "$STACK/bin/tenantctl.new"
mv "$STACK/bin/tenantctl.new" "$STACK/bin/tenantctl"

compose up --detach --wait --remove-orphans
say "The stack runs. The password of Grafana's user admin is in secrets/grafana_admin_password."
say "Create a tenant: scripts/create-tenant.sh NAME"
