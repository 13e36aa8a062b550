#!/usr/bin/env bash
# Backs up a tenant, or what all tenants share, into a new folder below DIRECTORY.
#
#   backup.sh DIRECTORY          registry with its audit log and the log's key, secrets, hosts,
#                                certificates, OneUptime; of the gateway the dead letters, the
#                                audit log of rejected requests with its key, the last use of keys
#   backup.sh DIRECTORY TENANT   the tenant's data in SigNoz, its entry in the registry, and its
#                                dead letters and archive at the gateway
#   backup.sh --all DIRECTORY    both, for every tenant
#
# The files contain secrets and telemetry: the folder is its owner's only. Queues of the
# gateway are not in it. A dedicated SigNoz has no user interface for some seconds while its
# settings are copied; telemetry is accepted all the time.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

all='' tenant=''
if [ "${1:-}" = --all ]; then
    all=1
    shift
elif [ $# = 2 ]; then
    tenant=$2
    tenant_id "$tenant"
    set -- "$1"
fi
case ${1:--} in
-*) die 'usage: backup.sh DIRECTORY [TENANT], or backup.sh --all DIRECTORY' ;;
esac
[ $# = 1 ] || die 'usage: backup.sh DIRECTORY [TENANT], or backup.sh --all DIRECTORY'
needs_env
umask 077
target=$(absolute "$1")/$(date -u +%Y-%m-%dT%H%M%SZ)
mkdir -p "$target"
target=$(cd "$target" && pwd)

stopped=
trap '[ -z "$stopped" ] || compose start "$stopped"' EXIT

back_up_tenant() {
    local id=$1 label directory database table condition
    label=$(label_of "$id") || die "there is no tenant $id: scripts/create-tenant.sh creates tenants"
    directory=$target/tenant-$label
    mkdir "$directory"
    tenantctl tenant show "$id" -o json > "$directory/tenant.json"
    gateway_files "$id"
    save_files "$directory/gateway.tar.gz" "${gateway_files[@]}"
    if dedicated "$id"; then
        back_up_clickhouse "signoz-$label-clickhouse" "$directory/clickhouse.zip"
        stopped=signoz-$label
        compose stop "$stopped"
        compose cp "$stopped:/var/lib/signoz/." "$directory/signoz"
        compose start "$stopped"
        stopped=
    else
        while read -r database table condition; do
            clickhouse signoz-shared-clickhouse --param_tenant "$id" \
                --query "SELECT * FROM $database.$table WHERE $condition FORMAT Native" < /dev/null > "$directory/$database.$table.native"
        done < <(tenant_tables)
    fi
    say "Backed up $id."
}

back_up_platform() {
    mkdir "$target/platform"
    tar -czf "$target/platform/files.tar.gz" .env secrets registry hosts instances tls config/nginx/operators.conf
    save_files "$target/platform/gateway.tar.gz" "${GATEWAY_STATE[@]}"
    compose exec -T oneuptime-postgres pg_dump -U postgres --format=custom oneuptimedb > "$target/platform/oneuptime.dump"
    back_up_clickhouse oneuptime-clickhouse "$target/platform/oneuptime.zip"
    say 'Backed up the platform.'
}

if [ -n "$tenant" ]; then
    back_up_tenant "$tenant"
else
    back_up_platform
fi
if [ -n "$all" ]; then
    for file in instances/*.tenant; do
        [ -f "$file" ] || continue
        name=${file#instances/}
        if [ -f "$(removing "${name%.tenant}")" ]; then
            say "The removal of $(cat "$file") has begun: there is nothing complete to back up. Run scripts/remove-tenant.sh again."
            continue
        fi
        back_up_tenant "$(cat "$file")"
    done
fi
(cd "$target" && sums=$(find . -type f -exec sha256sum {} +) && printf '%s\n' "$sums" > SHA256SUMS)
printf '%s\n' "$target"
