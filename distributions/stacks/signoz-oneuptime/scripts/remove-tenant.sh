#!/usr/bin/env bash
# remove-tenant.sh TENANT [--dry-run] [--keep-data] [--yes] [--reason TEXT]
#
# Removes a tenant from the stack. It asks for the tenant's ID again unless --yes is given.
#
# Deleted: its keys and its routes, which stop its data at once; its hosts in nginx; its token of
# OneUptime and what was written for handing over; its dead letters and archive at the gateway; its
# rows in the shared SigNoz; its own SigNoz with containers, volumes and secrets. With --keep-data
# the files of the gateway, the rows and its own SigNoz stay.
#
# Stays: the mark in the registry that its ID was used, which is never given to another tenant;
# the audit log; its project and data in OneUptime, which OneUptime's user interface deletes; rows
# of aggregations in SigNoz, which expire; backups. Data that the gateway has accepted for the
# shared SigNoz is still delivered: run the script again later to remove that too.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

removal "$@"
needs_env
label=$(label_of "$tenant" || true)
instance=instances/signoz-$label.yaml removing=$(removing "$label")
# A SigNoz of its own, or what is left of one after a run that has failed.
own=''
if [ -n "$label" ]; then
    for file in "$instance" "$removing" "secrets/signoz-$label"_*; do
        [ ! -f "$file" ] || own=1
    done
fi
gateway_files "$tenant"

say "$tenant would lose its keys${label:+, its host otlp-$label.$(setting DOMAIN)}, its token of OneUptime and${keep_data:+ none of}:"
list_files "${gateway_files[@]}" >&2
while read -r database table condition; do
    rows=$(clickhouse signoz-shared-clickhouse --param_tenant "$tenant" --query "SELECT count() FROM $database.$table WHERE $condition" < /dev/null)
    say "$rows rows of $database.$table in the shared SigNoz"
done < <(tenant_tables)
[ -z "$own" ] || say "the SigNoz signoz-$label with its volumes and secrets"
say 'The audit log, its project in OneUptime and backups stay, and its ID is never used again.'
confirm_removal

delete_tenant
if [ -n "$label" ]; then
    rm -f "secrets/tenants/$label.oneuptime_token"
    rm -rf "onboarding/$label"
    rm -f "hosts/$label".{otlp_names,otlp,ui_names,ui,restricted}
    reload_nginx
fi
if [ -z "$keep_data" ]; then
    remove_files "${gateway_files[@]}"
    # What refers to resources and series goes before them.
    while read -r database table condition; do
        clickhouse signoz-shared-clickhouse --param_tenant "$tenant" \
            --query "ALTER TABLE $database.$table DELETE WHERE $condition SETTINGS mutations_sync = 2" < /dev/null
    done < <(tenant_tables | tac)
    # Each step can be repeated, and the file that says that there is something to remove goes last:
    # a run that has failed leaves to the next one what it did not do.
    if [ -n "$own" ]; then
        project=$(compose config --format json | sed -n 's/^  "name": "\(.*\)",$/\1/p')
        [ -n "$project" ] || die 'docker compose config names no project'
        # .env must not name a file that is missing.
        use_instances "$instance"
        [ ! -f "$instance" ] || mv "$instance" "$removing"
        if [ -f "$removing" ]; then
            for service in "signoz-$label"-{collector,migrator,clickhouse} "signoz-$label"; do
                COMPOSE_FILE=compose.yaml:$removing compose rm --stop --force "$service"
            done
        fi
        say 'nginx and the gateway are recreated without its network; senders retry for some seconds.'
        compose up --detach --wait
        for volume in clickhouse backups sqlite; do
            "${DOCKER:-docker}" volume rm --force "${project}_signoz-$label-$volume"
        done
        networks=$("${DOCKER:-docker}" network ls --format '{{.Name}}')
        for network in "${project}_signoz-$label" "${project}_signoz-$label-store"; do
            if grep -Fxq -- "$network" <<<"$networks"; then
                "${DOCKER:-docker}" network rm "$network" || die "cannot remove the network $network: see the message above, and run this again"
            fi
        done
        rm -f "secrets/signoz-$label"_{clickhouse_password,clickhouse_users,jwt_secret,root_password}
        rm -f "$removing"
    fi
    [ -z "$label" ] || rm -f "instances/$label.tenant"
fi
say "Removed $tenant."
