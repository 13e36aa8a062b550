#!/usr/bin/env bash
# create-tenant.sh NAME [FLAG...]: creates a tenant with a key and an organization in Grafana,
# and prints what the tenant needs to send data. The flags are those of tenantctl tenant
# create, such as --name "Acme Ltd" --grafana-viewer ann@acme.example. If it failed in the
# middle, run it again.
set -euo pipefail
STACK=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../../lib/common.sh
. "$STACK/../lib/common.sh"
need docker

[ $# -ge 1 ] || die "usage: create-tenant.sh NAME [FLAG...]"
tenant=$1
shift
tenant_id "$tenant"
host=$(setting OTLP_HOST)
[ -n "$host" ] || die "OTLP_HOST is not set in .env"

if tenantctl tenant show "$tenant" >/dev/null 2>&1; then
    say "Tenant $tenant exists: continuing with Grafana and a new key."
    [ $# = 0 ] || say "The flags are not used: change the tenant with tenantctl tenant update."
    tenantctl grafana provision "$tenant" >&2
else
    tenantctl tenant create "$tenant" "$@" >&2
fi
# Caddy distributes requests by path, so all of them go to one host.
tenantctl onboard "$tenant" --endpoint "https://$host" --remote-write-url "https://$host/api/v1/write" --loki-url "https://$host" \
    --new-key --description "created by create-tenant.sh"
