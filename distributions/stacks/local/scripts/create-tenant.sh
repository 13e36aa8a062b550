#!/usr/bin/env bash
# create-tenant.sh NAME [FLAG...]: creates a tenant with a key, and prints what it needs to
# send data. The flags are those of tenantctl tenant create.
set -euo pipefail
STACK=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../../lib/common.sh
. "$STACK/../lib/common.sh"
need docker
[ $# -ge 1 ] || die "usage: create-tenant.sh NAME [FLAG...]"
tenant=$1
shift
tenant_id "$tenant"
if ! tenantctl tenant show "$tenant" >/dev/null 2>&1; then
    tenantctl tenant create "$tenant" "$@" >&2
fi
tenantctl onboard "$tenant" --endpoint "http://127.0.0.1:${OTLP_HTTP_PORT:-4318}" --new-key
