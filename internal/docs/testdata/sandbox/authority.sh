# A certificate for gateway.example and otlp.example.com in /etc/ssl/otlp.crt and otlp.key, from an authority that the
# sandbox trusts, as an ACME client would leave it.
cd /run/docs
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -subj /CN=sandbox -days 300 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /etc/ssl/otlp.key -out otlp.csr -subj /CN=gateway.example 2>/dev/null
printf 'subjectAltName=DNS:gateway.example,DNS:otlp.example.com\n' > san
openssl x509 -req -in otlp.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 300 -extfile san -out /etc/ssl/otlp.crt 2>/dev/null
chmod 600 /etc/ssl/otlp.key
cat ca.crt >> /etc/ssl/certs/ca-certificates.crt
cd /root
