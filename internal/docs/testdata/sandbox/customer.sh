# What tenantctl onboard writes for the tenant acme, in the working directory of its developer.
tenantctl tenant create acme --name "Acme Ltd" --registry /etc/otelcol-tenant/tenants.yaml 2>/dev/null
tenantctl onboard acme --registry /etc/otelcol-tenant/tenants.yaml --endpoint https://gateway.example --new-key --directory /root/acme >/dev/null 2>&1
install -D -m 0400 /root/acme/gateway.key /etc/otelcol-tenant/gateway.key
# The gateway reads a change within a second, and a developer gets the folder later than that.
for i in $(seq 100); do
  status=$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $(cat /root/acme/gateway.key)" -H 'Content-Type: application/json' -d '{}' http://127.0.0.1:4318/v1/logs)
  if [ "$status" = 200 ]; then break; fi
  sleep 0.05
done
[ "$status" = 200 ]
