#!/usr/bin/env bash
# Restores what backup.sh wrote.
#
#   restore.sh BACKUP          files and OneUptime, before the tenants
#   restore.sh BACKUP TENANT   into the tenant's SigNoz
#
# BACKUP is the folder that backup.sh printed. Into a dedicated SigNoz a backup of a
# dedicated one replaces everything, and a backup from the shared SigNoz is added: that is
# how a tenant moves. The shared SigNoz must not have rows of the tenant, or they would be
# there twice.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || [ $# = 2 ] || die 'usage: restore.sh BACKUP [TENANT]'
source=$(absolute "$1")
[ -d "$source" ] || die "there is no folder $source"
(cd "$source" && sha256sum --check --quiet SHA256SUMS) || die "the backup in $source is not complete or was changed"
umask 077

restore_platform() {
    [ -d "$source/platform" ] || die "$source is not a backup of the platform"
    backup_files "$source/platform" files.tar.gz gateway.tar.gz oneuptime.dump oneuptime.zip
    tar -xzf "$source/platform/files.tar.gz"
    load_files "$source/platform/gateway.tar.gz" gateway
    compose up --detach --wait oneuptime-postgres oneuptime-clickhouse
    trap 'compose start oneuptime-app oneuptime-ingress' EXIT
    compose stop oneuptime-app oneuptime-ingress
    compose exec -T oneuptime-postgres pg_restore -U postgres --clean --if-exists --dbname oneuptimedb < "$source/platform/oneuptime.dump"
    restore_clickhouse oneuptime-clickhouse "$source/platform/oneuptime.zip"
    compose start oneuptime-app oneuptime-ingress
    trap - EXIT
    say 'Restored. A gateway that ran before rejects an older registry: run tenantctl registry accept-restore (see README.md), then scripts/up.sh.'
}

restore_tenant() {
    local tenant=$1 label directory service database table condition rows
    local files=(gateway.tar.gz)
    tenant_id "$tenant"
    label=$(label_of "$tenant") || die "there is no tenant $tenant: create it with scripts/create-tenant.sh first"
    directory=$source/tenant-$label
    [ -d "$directory" ] || die "$source has no backup of $tenant (folder tenant-$label)"
    if [ -e "$directory/clickhouse.zip" ] || [ -e "$directory/signoz" ]; then
        files+=(clickhouse.zip signoz/signoz.db)
    else
        while read -r database table condition; do
            files+=("$database.$table.native")
        done < <(tenant_tables)
    fi
    backup_files "$directory" "${files[@]}"
    service=signoz-shared-clickhouse
    if dedicated "$tenant"; then
        service=signoz-$label-clickhouse
    fi
    if [ -f "$directory/clickhouse.zip" ]; then
        [ "$service" != signoz-shared-clickhouse ] || die "the backup is of a dedicated SigNoz: run scripts/create-tenant.sh $tenant --isolation dedicated first"
        # The gateway's lanes keep what arrives meanwhile.
        trap 'compose up --detach --wait' EXIT
        compose stop "signoz-$label-collector" "signoz-$label"
        restore_clickhouse "$service" "$directory/clickhouse.zip"
        compose cp "$directory/signoz/." "signoz-$label:/var/lib/signoz/"
        compose up --detach --wait
        trap - EXIT
    else
        while read -r database table condition; do
            rows=$(clickhouse "$service" --param_tenant "$tenant" --query "SELECT count() FROM $database.$table WHERE $condition" < /dev/null)
            if [ "$rows" != 0 ] && [ "$service" = signoz-shared-clickhouse ]; then
                die "$database.$table in the shared SigNoz has $rows rows of $tenant already"
            fi
        done < <(tenant_tables)
        while read -r database table condition; do
            clickhouse "$service" --query "INSERT INTO $database.$table FORMAT Native" < "$directory/$database.$table.native"
        done < <(tenant_tables)
    fi
    load_files "$directory/gateway.tar.gz" gateway
    say "Restored $tenant."
}

if [ $# = 1 ]; then
    restore_platform
else
    needs_env
    restore_tenant "$2"
fi
