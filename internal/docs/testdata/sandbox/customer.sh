# What tenantctl onboard writes for the tenant acme, in the working directory of its developer.
tenantctl tenant create acme --name "Acme Ltd" --registry /etc/otelcol-tenant/tenants.yaml 2>/dev/null
tenantctl onboard acme --registry /etc/otelcol-tenant/tenants.yaml --endpoint https://gateway.example --new-key --directory /root/acme >/dev/null 2>&1
install -D -m 0400 /root/acme/gateway.key /etc/otelcol-tenant/gateway.key
accepts http://127.0.0.1:4318 "$(cat /root/acme/gateway.key)"
