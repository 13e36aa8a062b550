# A running gateway, as docs/run-gateway.md leaves it.
[ -x /run/src/_build/otelcol-tenant ] || missing "_build/otelcol-tenant (run make build)"
install -m 0755 /run/src/_build/otelcol-tenant /run/src/_build/tenantctl /usr/bin/
useradd --system --home-dir /var/lib/otelcol-tenant-gateway --shell /usr/sbin/nologin otelcol-tenant-gateway
install -d -m 0755 /etc/otelcol-tenant
install -m 0644 /run/src/distributions/gateway/config.yaml /etc/otelcol-tenant/gateway.yaml
cat > /etc/otelcol-tenant/gateway.env <<'END'
DATA_DIR=/var/lib/otelcol-tenant-gateway/data
STATE_DIR=/var/lib/otelcol-tenant-gateway/state
END
cat > /etc/systemd/system/otelcol-tenant-gateway.service <<'END'
[Service]
User=otelcol-tenant-gateway
StateDirectory=otelcol-tenant-gateway
RuntimeDirectory=otelcol-tenant-gateway
EnvironmentFile=/etc/otelcol-tenant/gateway.env
ExecStart=/usr/bin/otelcol-tenant --config /etc/otelcol-tenant/gateway.yaml
ExecReload=/usr/bin/otelcol-tenant validate --config /etc/otelcol-tenant/gateway.yaml
ExecReload=/bin/kill -HUP $MAINPID
END
(umask 027; echo 'tenants: []' > /etc/otelcol-tenant/tenants.yaml)
chgrp otelcol-tenant-gateway /etc/otelcol-tenant/tenants.yaml
systemctl start otelcol-tenant-gateway
