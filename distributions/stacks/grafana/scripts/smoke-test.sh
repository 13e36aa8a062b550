#!/usr/bin/env bash
# Sends data of two tenants through the ingress and queries it through the data sources of
# both in Grafana, with forged headers. Creates the tenants smoke-a and smoke-b, with keys
# that expire after an hour. CA_FILE names the CA if INGRESS_TLS is "internal":
#   docker compose cp caddy:/data/caddy/pki/authorities/local/root.crt ca.crt
set -euo pipefail
STACK=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../../lib/common.sh
. "$STACK/../lib/common.sh"
# shellcheck source=../../lib/smoke.sh
. "$STACK/../lib/smoke.sh"

# prepare NAME VARIABLE: creates a tenant with a key, and sets KEY_VARIABLE_FILE and ORG_VARIABLE.
prepare() {
    local file=$keys/$1
    if ! tenantctl tenant show "$1" >/dev/null 2>&1; then
        tenantctl tenant create "$1" >&2
    else
        tenantctl grafana provision "$1" >&2
    fi
    (umask 077 && tenantctl key create "$1" --expires 1h --description smoke-test >"$file")
    printf -v "KEY_$2_FILE" %s "$file"
    printf -v "ORG_$2" %s "$(tenantctl tenant show "$1" | sed -n 's/^var grafana_org_id  *//p')"
}

# Without KEY_A_FILE the stack on this machine is tested.
if [ -z "${KEY_A_FILE:-}" ]; then
    need docker
    keys=$(mktemp -d)
    trap 'rm -rf "$keys"' EXIT # smoke replaces it
    TENANT_A=smoke-a TENANT_B=smoke-b
    GATEWAY_URL=${GATEWAY_URL:-https://$(setting OTLP_HOST)}
    GRPC_URL=${GRPC_URL:-$GATEWAY_URL:4317}
    GRAFANA_URL=${GRAFANA_URL:-https://$(setting GRAFANA_HOST)}
    GRAFANA_CREDENTIALS_FILE=${GRAFANA_CREDENTIALS_FILE:-$STACK/secrets/grafana_admin_password}
    prepare smoke-a A
    prepare smoke-b B
    status=0
    smoke || status=$?
    rm -rf "$keys"
    exit "$status"
fi
smoke
