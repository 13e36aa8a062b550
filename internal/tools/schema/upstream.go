// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import "strings"

const (
	coreModule    = "go.opentelemetry.io/collector/"
	contribModule = "github.com/open-telemetry/opentelemetry-collector-contrib/"

	// collectorVersion is the release of both. A test compares it with builder-config.yaml.
	collectorVersion = "v0.159.0"
)

// upstreamURL returns the page of a package of the collector at the release that is in use.
func upstreamURL(path string) string {
	const github = "https://github.com/open-telemetry/"
	switch {
	case strings.HasPrefix(path, coreModule):
		return github + "opentelemetry-collector/tree/" + collectorVersion + "/" + strings.TrimPrefix(path, coreModule)
	case strings.HasPrefix(path, contribModule):
		return github + "opentelemetry-collector-contrib/tree/" + collectorVersion + "/" + strings.TrimPrefix(path, contribModule)
	}
	return "https://pkg.go.dev/" + path
}

// meaning is what a setting of the collector's own servers and clients does, by the end of its key.
type meaning struct{ key, text string }

// meanings describes the settings of the collector's servers and clients. A longer key precedes.
func meanings() []meaning {
	return []meaning{
		{"endpoint", "The address: host and port of a server, or the URL or host and port to send to."},
		{"transport", "The kind of the address: `tcp`, `tcp4`, `tcp6` or `unix`."},
		{"dialer", "How connections are opened."},
		{"dialer::timeout", "How long opening a connection may take. 0 means no limit."},
		{"tls", "Certificates. A server without this group does not use TLS."},
		{"tls::ca_file", "The file with the certificate authorities that the peer's certificate is checked against. Default: those of the system."},
		{"tls::ca_pem", "The same as text."},
		{"tls::cert_file", "The file with the own certificate."},
		{"tls::cert_pem", "The same as text."},
		{"tls::key_file", "The file with the private key of the certificate."},
		{"tls::key_pem", "The same as text."},
		{"tls::client_ca_file", "The file with the authorities of client certificates. With it, clients must have one."},
		{"tls::client_ca_file_reload", "Reads `client_ca_file` again when it changes."},
		{"tls::cipher_suites", "The cipher suites of TLS 1.2. Default: a secure list."},
		{"tls::include_insecure_cipher_suites", "Allows cipher suites that are known to be weak."},
		{"tls::curve_preferences", "The elliptic curves of the handshake, by preference."},
		{"tls::include_system_ca_certs_pool", "Uses the authorities of the system beside those of `ca_file`."},
		{"tls::insecure", "Disables TLS. For gRPC; over HTTP, the scheme of the URL decides."},
		{"tls::insecure_skip_verify", "Disables verification of the server's certificate."},
		{"tls::min_version", "The lowest version of TLS. Default: 1.2."},
		{"tls::max_version", "The highest version of TLS."},
		{"tls::reload_interval", "How often certificates are read again. 0 means never."},
		{"tls::server_name_override", "The name that the server's certificate is checked against, instead of that of the endpoint."},
		{"tls::tpm", "A private key in a trusted platform module."},
		{"tpm::enabled", "Uses the module."},
		{"tpm::path", "The device or socket of the module."},
		{"tpm::auth", "The password of the key."},
		{"tpm::owner_auth", "The password of the module's owner."},
		{"auth", "Authentication of requests."},
		{"auth::authenticator", "The extension that authenticates requests, such as `bearer_key_auth`."},
		{"auth::request_params", "Query parameters that the authenticator gets beside the headers."},
		{"middlewares", "Extensions that each request passes, in order."},
		{"middlewares[]::id", "The extension."},
		{"include_metadata", "Makes headers of requests available to later components. Senders choose them."},
		{"keepalive", "Pings of connections and their age."},
		{"keepalive::enforcement_policy", "What pings of clients are accepted."},
		{"enforcement_policy::min_time", "The least time between pings of a client."},
		{"enforcement_policy::permit_without_stream", "Accepts pings of connections without a request."},
		{"keepalive::server_parameters", "Age and pings of connections."},
		{"server_parameters::max_connection_age", "The age at which a connection is closed, so that clients connect again. 0 means no limit."},
		{"server_parameters::max_connection_age_grace", "How long requests of such a connection may still take."},
		{"server_parameters::max_connection_idle", "How long a connection may have no request."},
		{"server_parameters::time", "After how much silence the client is pinged."},
		{"server_parameters::timeout", "How long the answer to a ping may take."},
		{"keepalive::time", "After how much silence the server is pinged."},
		{"keepalive::timeout", "How long the answer to a ping may take."},
		{"keepalive::permit_without_stream", "Pings also without a request."},
		{"max_concurrent_streams", "The largest number of concurrent requests of a connection."},
		{"max_recv_msg_size_mib", "The largest message, in MiB. 0 means 4."},
		{"read_buffer_size", "The size of the buffer of a connection for reading, in bytes. 0 means the default of the library."},
		{"write_buffer_size", "The size of the buffer of a connection for writing, in bytes. 0 means the default of the library."},
		{"compression_algorithms", "The values of `Content-Encoding` that are accepted."},
		{"cors", "Which web pages may send from a browser."},
		{"cors::allowed_origins", "The origins of the pages, with `*` for any part of a name."},
		{"cors::allowed_headers", "The headers that pages may send beside the usual ones."},
		{"cors::exposed_headers", "The headers of answers that pages may read."},
		{"cors::max_age", "For how many seconds a browser remembers the permission."},
		{"idle_timeout", "How long a connection may have no request. 0 means `read_timeout`."},
		{"keep_alives_enabled", "Keeps connections open between requests."},
		{"max_request_body_size", "The largest body, in bytes as received. 0 means 20 MiB."},
		{"read_header_timeout", "How long the headers of a request may take."},
		{"read_timeout", "How long a whole request may take to arrive. 0 means no limit."},
		{"write_timeout", "How long an answer may take to be written. 0 means no limit."},
		{"response_headers", "Headers that each answer gets."},
		{"authority", "The value of `:authority`, instead of the host of the endpoint."},
		{"balancer_name", "How requests are distributed over the addresses of a name: `round_robin` or `pick_first`."},
		{"compression", "How requests are compressed: `gzip`, `zstd`, `snappy` or `none`, and over HTTP also `zlib`, `deflate` and `lz4`."},
		{"compression_params", "Settings of the compression."},
		{"compression_params::level", "The level of the compression."},
		{"headers", "Headers of each request. Values are secret."},
		{"user_agent", "The value of `User-Agent`."},
		{"wait_for_ready", "Waits for a connection instead of failing at once."},
		{"cookies", "Keeps cookies of the server."},
		{"disable_keep_alives", "Opens a connection for each request."},
		{"force_attempt_http2", "Uses HTTP/2 if the server supports it."},
		{"http2_ping_timeout", "How long the answer to a ping of HTTP/2 may take."},
		{"http2_read_idle_timeout", "After how much silence a ping of HTTP/2 is sent. 0 means never."},
		{"idle_conn_timeout", "How long a connection may have no request."},
		{"max_conns_per_host", "The largest number of connections to a host. 0 means no limit."},
		{"max_idle_conns", "The largest number of connections without a request."},
		{"max_idle_conns_per_host", "The same for each host. 0 means 2."},
		{"proxy_url", "The URL of a proxy, instead of that of the environment."},
		{"otlp_http::timeout", "How long an attempt may take."},

		// Metrics that are generated from metadata.yaml.
		{"pm2.process.cpu.utilization", "The metric of this name."},
		{"pm2.process.memory.usage", "The metric of this name."},
		{"pm2.process.restarts", "The metric of this name."},
		{"pm2.process.status", "The metric of this name."},
		{"pm2.process.unstable_restarts", "The metric of this name."},
		{"pm2.process.uptime", "The metric of this name."},
		{"enabled", "Whether the metric is collected."},
		{"aggregation_strategy", "How values are combined over attributes that are not in `attributes`: `sum`, `avg`, `min` or `max`."},
		{"attributes", "The attributes of the metric."},
	}
}

// upstreamMeaning returns the meaning of a setting of another project by its whole key, or "".
func upstreamMeaning(key string) string {
	best := meaning{}
	for _, m := range meanings() {
		if (key == m.key || strings.HasSuffix(key, "::"+m.key)) && len(m.key) > len(best.key) {
			best = m
		}
	}
	return best.text
}
