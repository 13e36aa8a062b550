#!/usr/bin/env bash
# Prepares what the stack needs and starts it. Run it again after an upgrade or a change of
# .env; it keeps secrets, tenants and data.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" != 0 ] && [ -z "${TENANTCTL:-}" ]; then
    die 'run it as root: the registry belongs to the user of the gateway, and secrets/ to root'
fi
if [ ! -s .env ]; then
    install -m 0600 .env.example .env
    say 'Created .env from .env.example.'
fi
domain=$(setting DOMAIN)
case $domain in
'' | example.com) die 'set DOMAIN and SIGNOZ_ROOT_EMAIL in .env, then run this again' ;;
esac

umask 077
mkdir -p secrets/tenants registry hosts instances onboarding tls
chmod 0700 secrets
chmod 0755 hosts tls secrets/tenants
signoz_secrets shared
clickhouse_secrets oneuptime
for name in postgres_password redis_password secret encryption_secret register_probe_key; do
    secret "oneuptime_$name"
done
if [ "$(id -u)" = 0 ] && [ -z "${TENANTCTL:-}" ]; then
    chown 10001:10001 registry onboarding # the user of the gateway's image
fi

umask 022
hosts _stack "otlp.$domain" '' "signoz.$domain" signoz-shared:8080 1 || true
hosts _oneuptime '' '' "oneuptime.$domain" oneuptime-ingress:7849 0 || true

for file in tls/tls.crt tls/tls.key; do
    [ -s "$file" ] || die "there is no $file: see \"Certificates\" in README.md"
done

compose up --detach --wait
reload_nginx
say "Started. Send telemetry to https://otlp.$domain once scripts/create-tenant.sh has created a tenant."
