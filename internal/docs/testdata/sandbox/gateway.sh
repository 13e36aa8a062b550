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
