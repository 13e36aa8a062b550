# VictoriaLogs on its usual port, as "a backend".
[ -x /run/src/_build/backends/victoria-logs ] || missing "_build/backends/victoria-logs (run make backends)"
install -m 0755 /run/src/_build/backends/victoria-logs /usr/bin/victoria-logs
mkdir -p /var/lib/victoria-logs
victoria-logs -httpListenAddr=127.0.0.1:9428 -storageDataPath=/var/lib/victoria-logs >/run/docs/victoria-logs.log 2>&1 &
for i in $(seq 600); do
  if curl -sf http://127.0.0.1:9428/health >/dev/null; then break; fi
  sleep 0.05
done
curl -sf http://127.0.0.1:9428/health >/dev/null
