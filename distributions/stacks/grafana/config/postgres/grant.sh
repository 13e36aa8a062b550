#!/bin/sh
# Lets the gateway read the registry, and not the audit log. Can be repeated.
set -eu

# psql does not take a password file that others can read, as mounted secrets are.
PGPASSWORD=$(cut -d: -f5 "${SECRETS_DIR:-/run/secrets}/tenantctl_pgpass")
export PGPASSWORD
psql -X -q -v ON_ERROR_STOP=1 "${REGISTRY_DSN:-postgres://tenantctl@postgres:5432/tenants?sslmode=disable}" <<SQL
grant select on tenant_registry, tenant_registry_tenants to gateway;
SQL
