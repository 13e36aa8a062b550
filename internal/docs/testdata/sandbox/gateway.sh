# A running gateway, as docs/run-gateway.md leaves it.
[ -x /run/src/_build/otelcol-tenant ] || missing "_build/otelcol-tenant (run make build)"
install -m 0755 /run/src/_build/otelcol-tenant /run/src/_build/tenantctl /usr/bin/
useradd --system --home-dir /var/lib/otelcol-tenant-gateway --shell /usr/sbin/nologin otelcol-tenant-gateway
install -d -m 0755 /etc/otelcol-tenant
install -m 0640 -g otelcol-tenant-gateway /run/src/distributions/gateway/config.yaml /etc/otelcol-tenant/gateway.yaml
install -m 0600 /run/src/distributions/packages/gateway.env /etc/otelcol-tenant/gateway.env
install -d -m 0750 -g otelcol-tenant-gateway /etc/otelcol-tenant/secrets
install -m 0644 /run/src/distributions/gateway/otelcol-tenant-gateway.service /lib/systemd/system/
(umask 027; echo 'tenants: []' > /etc/otelcol-tenant/tenants.yaml)
chgrp otelcol-tenant-gateway /etc/otelcol-tenant/tenants.yaml
systemctl start otelcol-tenant-gateway
# accepts waits until the gateway at a URL accepts a key: it reads a change within a second.
accepts() {
  local i status=
  for i in $(seq 400); do
    status=$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $2" -H 'Content-Type: application/json' -d '{}' "$1/v1/logs") || true
    if [ "$status" = 200 ]; then return 0; fi
    sleep 0.05
  done
  echo "the gateway answers $status"
  return 1
}
