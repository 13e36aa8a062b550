#!/usr/bin/env bash
# remove-tenant.sh TENANT [--dry-run] [--keep-data] [--yes] [--reason TEXT]
#
# Removes a tenant from the stack. It asks for the tenant's ID again unless --yes is given.
#
# Deleted: its keys and its routes, which stop its data at once; its organization in Grafana with
# dashboards and data sources; its dead letters and archive at the gateway; its blocks in Mimir and
# Tempo and its chunks in Loki. With --keep-data, none of the files.
#
# Stays: the mark in the registry that its ID was used, which is never given to another tenant;
# the audit log; users of Grafana; backups; lines that Loki, Mimir and Tempo have in memory and in
# Loki's index, which expire. Data that the gateway has accepted is still delivered: run the
# script again later to remove that too.
set -euo pipefail
STACK=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../../lib/common.sh
. "$STACK/../lib/common.sh"
need docker

# deprovision FLAG...: the organization in Grafana, if there is one.
deprovision() {
    local message
    if message=$(tenantctl grafana deprovision "$tenant" "$@" 2>&1 </dev/null); then
        say "$message"
    elif [[ $message == *'has no organization in Grafana'* ]]; then
        say "$tenant has no organization in Grafana."
    else
        die "$message"
    fi
}

removal "$@"
gateway_files "$tenant"
files=("${gateway_files[@]}" "mimir/blocks/$tenant" "tempo/blocks/$tenant" "loki/chunks/$tenant")
say "$tenant would lose its keys, its organization in Grafana and${keep_data:+ none of} these files (KiB):"
list_files "${files[@]}" >&2
say "The audit log, users of Grafana and backups stay, and its ID is never used again."
[ -z "$dry_run" ] || deprovision --dry-run
confirm_removal

delete_tenant
deprovision --yes --reason "$reason"
if [ -z "$keep_data" ]; then
    # Of all tenants, so they start again whatever happens.
    trap 'compose up --detach --wait loki mimir tempo' EXIT
    compose stop loki mimir tempo
    remove_files "${files[@]}"
    compose up --detach --wait loki mimir tempo
    trap - EXIT
fi
say "Removed $tenant."
