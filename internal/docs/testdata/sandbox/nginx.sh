# nginx with the configuration of docs/proxies.md, as the reader writes it.
command -v nginx >/dev/null || missing nginx
sed -n '/^```nginx/,/^```/p' /run/src/docs/proxies.md | sed '/^```/d' > /etc/nginx/nginx.conf
