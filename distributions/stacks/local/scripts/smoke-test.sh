#!/usr/bin/env bash
# Sends data of two tenants to the gateway and reads it from the archive. Creates the tenants
# smoke-a and smoke-b, with keys that expire after an hour.
set -euo pipefail
STACK=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../../lib/common.sh
. "$STACK/../lib/common.sh"
# shellcheck source=../../lib/smoke.sh
. "$STACK/../lib/smoke.sh"

prepare() {
    tenantctl tenant show "$1" >/dev/null 2>&1 || tenantctl tenant create "$1" >&2
    (umask 077 && tenantctl key create "$1" --expires 1h --description smoke-test >"$files/$1.key")
    printf -v "KEY_$2_FILE" %s "$files/$1.key"
}

if [ -z "${KEY_A_FILE:-}" ]; then
    need docker
    files=$(mktemp -d)
    trap 'rm -rf "$files"' EXIT # smoke replaces it
    TENANT_A=smoke-a TENANT_B=smoke-b
    GATEWAY_URL=http://127.0.0.1:${OTLP_HTTP_PORT:-4318}
    GRPC_URL=http://127.0.0.1:${OTLP_GRPC_PORT:-4317}
    REMOTE_WRITE_URL=http://127.0.0.1:${REMOTE_WRITE_PORT:-19291}/api/v1/write
    LOKI_PUSH_URL=http://127.0.0.1:${LOKI_PUSH_PORT:-3100}
    prepare smoke-a A
    prepare smoke-b B
    # The files are in a volume: a copy is read after each attempt.
    # shellcheck disable=SC2317 # smoke calls it
    smoke_query_archive() {
        rm -rf "$files/data"
        compose cp "gateway:/var/lib/otelcol-tenant/data/tenant=$(smoke_tenant "$1")" "$files/data" >/dev/null 2>&1 || return 0
        find "$files/data" -name '*.jsonl' -exec cat {} +
    }
    ARCHIVE_DIR=$files
    status=0
    smoke || status=$?
    rm -rf "$files"
    exit "$status"
fi
smoke
