#!/usr/bin/env bash
# Backs up a tenant, or what all tenants share, into a new folder below DIRECTORY.
#
#   backup.sh TENANT DIRECTORY       the tenant's data in SigNoz, and its entry in the registry
#   backup.sh --platform DIRECTORY   registry, secrets, hosts, certificates, OneUptime
#   backup.sh --all DIRECTORY        both, for every tenant
#
# The files contain secrets and telemetry: the folder is its owner's only. Queues of the
# gateway are not in it. A dedicated SigNoz has no user interface for some seconds while its
# settings are copied; telemetry is accepted all the time.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# = 2 ] || fail 'usage: backup.sh TENANT|--platform|--all DIRECTORY'
needs_env
umask 077
target=$2/$(date -u +%Y-%m-%dT%H%M%SZ)
mkdir -p "$target"
target=$(cd "$target" && pwd)

stopped=
trap '[ -z "$stopped" ] || compose start "$stopped"' EXIT

back_up_tenant() {
    local tenant=$1 label directory database table condition
    label=$(label_of "$tenant") || fail "there is no tenant $tenant: scripts/create-tenant.sh creates tenants"
    directory=$target/tenant-$label
    mkdir "$directory"
    ctl tenant show "$tenant" -o json > "$directory/tenant.json"
    if dedicated "$tenant"; then
        back_up_clickhouse "signoz-$label-clickhouse" "$directory/clickhouse.zip"
        stopped=signoz-$label
        compose stop "$stopped"
        compose cp "$stopped:/var/lib/signoz/." "$directory/signoz"
        compose start "$stopped"
        stopped=
    else
        while read -r database table condition; do
            clickhouse signoz-shared-clickhouse --param_tenant "$tenant" \
                --query "SELECT * FROM $database.$table WHERE $condition FORMAT Native" < /dev/null > "$directory/$database.$table.native"
        done < <(tenant_tables)
    fi
    say "Backed up $tenant."
}

back_up_platform() {
    mkdir "$target/platform"
    tar -czf "$target/platform/files.tar.gz" .env secrets registry hosts instances tls config/nginx/operators.conf
    compose exec -T oneuptime-postgres pg_dump -U postgres --format=custom oneuptimedb > "$target/platform/oneuptime.dump"
    back_up_clickhouse oneuptime-clickhouse "$target/platform/oneuptime.zip"
    say 'Backed up the platform.'
}

case $1 in
--platform) back_up_platform ;;
--all)
    back_up_platform
    for file in instances/*.tenant; do
        [ ! -f "$file" ] || back_up_tenant "$(cat "$file")"
    done
    ;;
-*) fail "unknown option $1" ;;
*) back_up_tenant "$1" ;;
esac
(cd "$target" && sums=$(find . -type f -exec sha256sum {} +) && printf '%s\n' "$sums" > SHA256SUMS)
printf '%s\n' "$target"
