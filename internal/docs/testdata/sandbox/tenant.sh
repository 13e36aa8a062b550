# The tenant acme, and one of its keys in KEY.
export TENANTCTL_REGISTRY=${TENANTCTL_REGISTRY:-/etc/otelcol-tenant/tenants.yaml}
tenantctl tenant create acme --name "Acme Ltd" 2>/dev/null
export KEY=$(tenantctl key create acme --description docs 2>/dev/null)
accepts http://127.0.0.1:4318 "$KEY"
curl -s -o /dev/null -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' http://127.0.0.1:4318/v1/logs \
  -d '{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"first"}}]},"scopeLogs":[{"logRecords":[{"severityText":"info","body":{"stringValue":"first"}}]}]}]}'
for i in $(seq 400); do
  if ls /var/lib/otelcol-tenant-gateway/data/tenant=acme >/dev/null 2>&1; then break; fi
  sleep 0.05
done
