#!/usr/bin/env bash
# remove-tenant.sh TENANT [--dry-run] [--keep-data] [--yes] [--reason TEXT]
#
# Removes a tenant: its keys, which stops its data at once, and its dead letters and archive. With
# --keep-data the files stay. The registry keeps the mark that its ID was used, and the audit log
# stays.
set -euo pipefail
STACK=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../../lib/common.sh
. "$STACK/../lib/common.sh"
need docker

removal "$@"
gateway_files "$tenant"
say "$tenant would lose its keys and${keep_data:+ none of} these files (KiB):"
list_files "${gateway_files[@]}" >&2
say "The audit log stays, and its ID is never used again."
confirm_removal
delete_tenant
[ -n "$keep_data" ] || remove_files "${gateway_files[@]}"
say "Removed $tenant."
