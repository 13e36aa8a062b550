# A gateway that seems to be on another machine: https://gateway.example. It has the tenant acme, and agent.env is what
# its operator sent. Its own ports are not those of the documents, so that an agent can use these.
[ -x /run/src/_build/otelcol-tenant ] || missing "_build/otelcol-tenant (run make build)"
mkdir -p /run/elsewhere
printf 'tenants: []\n' > /run/elsewhere/tenants.yaml
(
  cd /run/elsewhere
  env DATA_DIR=/run/elsewhere/data STATE_DIR=/run/elsewhere/state TENANTS_FILE=/run/elsewhere/tenants.yaml \
    OTLP_GRPC_ENDPOINT=127.0.0.1:24317 OTLP_HTTP_ENDPOINT=127.0.0.1:24318 REMOTE_WRITE_ENDPOINT=127.0.0.1:29291 \
    LOKI_PUSH_ENDPOINT=127.0.0.1:23100 HEALTH_ENDPOINT=127.0.0.1:23133 METRICS_PORT=28888 \
    /run/src/_build/otelcol-tenant --config /run/src/distributions/gateway/config.yaml >/run/elsewhere/log 2>&1 &
)
elsewhere() { /run/src/_build/tenantctl --registry /run/elsewhere/tenants.yaml "$@"; }
elsewhere tenant create acme --name "Acme Ltd" 2>/dev/null
(umask 077; elsewhere onboard acme --new-key --endpoint https://gateway.example -o env > /root/agent.env 2>/dev/null)
elsewhere key create acme --description "next" 2>/dev/null > /root/new.key
command -v nginx >/dev/null || missing nginx
sed -n '/^```nginx/,/^```/p' /run/src/docs/proxies.md | sed '/^```/d; s/127.0.0.1:4318/127.0.0.1:24318/; s/127.0.0.1:4317/127.0.0.1:24317/' > /run/elsewhere/nginx.conf
nginx -c /run/elsewhere/nginx.conf
for i in $(seq 600); do
  if curl -sf http://127.0.0.1:23133/health >/dev/null; then break; fi
  sleep 0.05
done
curl -sf http://127.0.0.1:23133/health >/dev/null
for i in $(seq 400); do # a gateway that has started before the keys were created reads them within a second
  if curl -sf -o /dev/null -H "Authorization: Bearer $(cat /root/new.key)" -H 'Content-Type: application/json' -d '{}' http://127.0.0.1:24318/v1/logs; then break; fi
  sleep 0.05
done
# arrived prints what the gateway has stored of logs.
arrived() { cat /run/elsewhere/data/tenant=acme/signal=logs/date=*/hour=*/*.jsonl; }
