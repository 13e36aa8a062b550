# A running agent of the tenant acme beside the gateway, as docs/install-agent.md leaves it, with a PM2 home of the user app.
# The gateway's ports are those of the network; the agent's ports for local applications are 14317 and 14318 here.
useradd --create-home app
install -d -o app -g app /home/app/.pm2 /home/app/.pm2/logs
useradd --system --home-dir /var/lib/otelcol-tenant-agent --shell /usr/sbin/nologin otelcol-tenant-agent
install -m 0644 /run/src/distributions/agent/config.yaml /etc/otelcol-tenant/agent.yaml
cat > /etc/otelcol-tenant/agent.env <<END
BUSINESS_ID=acme
TENANT_KEY_FILE=/run/otelcol-tenant-agent/agent.key
GATEWAY_ENDPOINT=http://127.0.0.1:4318
PM2_HOME=/home/app/.pm2
PM2_METRICS=false
STATE_DIR=/var/lib/otelcol-tenant-agent
OTLP_GRPC_ENDPOINT=127.0.0.1:14317
OTLP_HTTP_ENDPOINT=127.0.0.1:14318
HEALTH_ENDPOINT=127.0.0.1:13134
METRICS_PORT=8889
END
chmod 600 /etc/otelcol-tenant/agent.env
(umask 077; echo "$KEY" > /etc/otelcol-tenant/agent.key)
install -m 0644 /run/src/distributions/agent/otelcol-tenant-agent.service /lib/systemd/system/
chmod o+x /home/app
systemctl start otelcol-tenant-agent
# What arrived of the agent's logs at the gateway.
arrived() {
  cat /var/lib/otelcol-tenant-gateway/data/tenant=acme/signal=logs/date=*/hour=*/*.jsonl
}
