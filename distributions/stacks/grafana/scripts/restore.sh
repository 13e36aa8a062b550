#!/usr/bin/env bash
# restore.sh BACKUP: restores what backup.sh wrote to the folder BACKUP.
#
# The stack: both databases, the key of the audit log and the gateway's files. Gateways
# reject a restored registry until registry accept-restore, because keys that were revoked
# after the backup would work again: the script ends with that command.
#
# A tenant: its organization and dashboards in Grafana, its dead letters and archive, and
# blocks and chunks that the stores no longer have. The tenant must exist in the registry.
set -euo pipefail
STACK=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../../lib/common.sh
. "$STACK/../lib/common.sh"
need docker gzip gunzip sha256sum

[ $# = 1 ] || die "usage: restore.sh BACKUP"
from=$(cd "$1" && pwd) || die "there is no folder $1"
[ -f "$from/complete" ] || die "$from has no file complete: the backup is not complete"
(cd "$from" && sha256sum --check --quiet complete) || die "files of the backup were changed"

if [ -f "$from/tenant" ]; then
    tenant=$(cat "$from/tenant")
    tenant_id "$tenant"
    backup_files "$from" dashboards.json {gateway,mimir,tempo,loki}.tar.gz
    tenantctl tenant show "$tenant" >/dev/null || die "tenant $tenant is not in the registry: its ID is never used again after a deletion; restore the whole stack"
    tenantctl grafana provision "$tenant" >&2
    tenantctl grafana import "$tenant" - <"$from/dashboards.json" >&2
    load_files "$from/gateway.tar.gz" gateway
    # Of all tenants, so they start again whatever happens.
    trap 'compose up --detach --wait loki mimir tempo' EXIT
    compose stop loki mimir tempo
    load_files "$from/mimir.tar.gz" mimir
    load_files "$from/tempo.tar.gz" tempo
    load_files "$from/loki.tar.gz" loki
    compose up --detach --wait loki mimir tempo
    trap - EXIT
    say "Restored. Settings of the tenant are not changed: compare tenant.json with tenantctl tenant show $tenant."
    exit
fi

backup_files "$from" {tenants,grafana}.pgdump {operator,gateway}.tar.gz
printf 'This replaces the registry and the database of Grafana. Type yes to continue: ' >&2
read -r answer
[ "$answer" = yes ] || die "nothing was changed"
# The new start of the jobs grants the gateway its rights again. A gateway that finds half a registry
# keeps the one that it has.
trap 'compose up --detach --wait' EXIT
compose stop gateway grafana
for database in tenants grafana; do
    compose exec -T postgres pg_restore --username postgres --clean --if-exists --exit-on-error --dbname "$database" <"$from/$database.pgdump"
done
load_files "$from/operator.tar.gz" operator
load_files "$from/gateway.tar.gz" gateway
compose up --detach --wait
trap - EXIT
say "Restored. Gateways keep the registry that they have until you accept the restored one. List what would change, and confirm:"
say "  docker compose cp gateway:/var/lib/otelcol-tenant/state/registry.snapshot ."
say "  docker compose run --rm -v \"\$PWD/registry.snapshot:/registry.snapshot:ro\" tenantctl registry accept-restore --merge /registry.snapshot --reason \"restored from ${from##*/}\""
say "Then send keys to tenants whose keys are listed as lost."
