#!/usr/bin/env bash
# backup.sh DIR [TENANT]: backs the stack up, or one tenant, to a new folder in DIR.
# backup.sh --all DIR: the stack, and then each tenant.
#
# The stack: both databases (registry, audit log, Grafana), the key of the audit log, the
# secrets, and the gateway's dead letters, its audit log of rejected requests with its key, and
# the last use of keys. Not the stores'
# data, and not the gateway's queues, which would be delivered a second time.
#
# A tenant: its entry in the registry, its dashboards, its dead letters and archive, and its
# blocks in Mimir and Tempo and chunks in Loki, as README.md describes.
#
# The files contain secrets, or a customer's data: encrypt them before they leave the machine.
set -euo pipefail
STACK=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../../lib/common.sh
. "$STACK/../lib/common.sh"
need docker gzip

usage='usage: backup.sh DIR [TENANT], or backup.sh --all DIR'
if [ "${1:-}" = --all ] && [ $# = 2 ]; then
    "$0" "$2"
    tenants=$(tenantctl tenant list | awk 'NR > 1 { print $1 }')
    failed=
    while IFS= read -r tenant; do
        [ -z "$tenant" ] || "$0" "$2" "$tenant" </dev/null || failed="$failed $tenant"
    done <<<"$tenants"
    [ -z "$failed" ] || die "there is no backup of$failed: see the messages above"
    exit
fi
[ $# = 1 ] || [ $# = 2 ] || die "$usage"
[[ $1 != -* ]] || die "$usage"
tenant=${2:-}
[ $# = 1 ] || tenant_id "$tenant"
[ -d "$1" ] || die "there is no folder $1"
umask 077
out=$(cd "$1" && pwd)/$(date -u +%Y%m%dT%H%M%SZ)${tenant:+-tenant=$tenant}
mkdir "$out"
# An incomplete backup must not be taken for a complete one.
trap '[ -e "$out/complete" ] || say "the backup in $out is not complete"' EXIT

if [ -n "$tenant" ]; then
    printf '%s\n' "$tenant" >"$out/tenant"
    tenantctl tenant show "$tenant" -o json >"$out/tenant.json"
    tenantctl registry export -o json | gzip >"$out/registry.json.gz" # of all: digests, no keys
    tenantctl audit list --tenant "$tenant" -o json >"$out/audit.json"
    tenantctl grafana export "$tenant" >"$out/dashboards.json"
    gateway_files "$tenant"
    save_files "$out/gateway.tar.gz" "${gateway_files[@]}"
    save_files "$out/mimir.tar.gz" "mimir/blocks/$tenant"
    save_files "$out/tempo.tar.gz" "tempo/blocks/$tenant"
    save_files "$out/loki.tar.gz" "loki/chunks/$tenant"
else
    compose exec -T postgres pg_dump --username postgres --format custom tenants >"$out/tenants.pgdump"
    compose exec -T postgres pg_dump --username postgres --format custom grafana >"$out/grafana.pgdump"
    save_files "$out/operator.tar.gz" operator
    save_files "$out/gateway.tar.gz" "${GATEWAY_STATE[@]}"
    cp -R "$STACK/secrets" "$out/secrets"
    cp "$STACK/.env" "$out/env"
fi
(cd "$out" && find . -type f ! -name complete -exec sha256sum {} +) >"$out.sums"
mv "$out.sums" "$out/complete"
say "backup in $out"
