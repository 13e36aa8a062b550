# The Caddy of docs/proxies.md in front of the gateway, as gateway.example, with a certificate of its own authority that
# the sandbox trusts.
command -v caddy >/dev/null || missing caddy
{
  printf '{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n}\n'
  sed -n '/^```caddyfile/,/^```/p' /run/src/docs/proxies.md | sed '/^```/d; s/otlp\.example\.com/gateway.example/'
} > /run/docs/Caddyfile
export XDG_DATA_HOME=/run/docs/caddy XDG_CONFIG_HOME=/run/docs/caddy
mkdir -p $XDG_DATA_HOME
caddy run --adapter caddyfile --config /run/docs/Caddyfile >/run/docs/caddy.log 2>&1 &
unset XDG_DATA_HOME XDG_CONFIG_HOME
authority=/run/docs/caddy/caddy/pki/authorities/local/root.crt
for i in $(seq 600); do
  if [ -s $authority ] && curl -s --cacert $authority https://gateway.example/ >/dev/null; then break; fi
  sleep 0.05
done
cat $authority >> /etc/ssl/certs/ca-certificates.crt
export NODE_EXTRA_CA_CERTS=$authority
curl -sS https://gateway.example/ >/dev/null
