# An agent of version 0.1, which had no package, as its README installed it. It runs this version's binary.
install -m 0755 /run/src/_build/otelcol-tenant /usr/bin/
useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin otelcol-tenant
install -d /etc/otelcol-tenant
install -m 0644 /run/src/distributions/agent/config.yaml /etc/otelcol-tenant/config.yaml
install -m 0600 /root/agent.env /etc/otelcol-tenant/agent.env
cat > /etc/systemd/system/otelcol-tenant-agent.service <<'END'
[Service]
User=otelcol-tenant
StateDirectory=otelcol-tenant
Environment=STATE_DIR=/var/lib/otelcol-tenant
EnvironmentFile=/etc/otelcol-tenant/agent.env
ExecStart=/usr/bin/otelcol-tenant --config /etc/otelcol-tenant/config.yaml
[Install]
WantedBy=multi-user.target
END
systemctl start otelcol-tenant-agent
rm /usr/bin/otelcol-tenant # dpkg installs its own
ln -s /run/src/distributions /root/distributions # for what the document takes from the source tree
