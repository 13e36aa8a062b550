// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"net/url"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

func transportRules() []Rule {
	return []Rule{
		{
			ID: "OT101", Family: FamilyTransport, Severity: finding.Error,
			Title: "Data is sent without TLS to a public address",
			Why:   "Anyone on the path reads and changes the data of tenants, and the keys and tokens in headers.",
			Fix:   "Use https://, or remove tls::insecure.",
			check: checkPlaintext(reachPublic, "is %s: data and credentials are sent to %s without TLS"),
		},
		{
			ID: "OT102", Family: FamilyTransport, Severity: finding.Note,
			Title: "Data is sent without TLS in a private network",
			Why:   "It is readable for all machines on the path. That is acceptable in a network of only trusted machines, such as one of Docker Compose.",
			Fix:   "Use https://, or make sure that only trusted machines are in the network.",
			check: checkPlaintext(reachPrivate, "is %s: data and credentials are sent to %s without TLS, in what seems to be a private network"),
		},
		{
			ID: "OT103", Family: FamilyTransport, Severity: finding.Note,
			Title: "A receiver without TLS is reachable from other machines",
			Why:   "Without TLS, anyone who sees the traffic has the keys. A proxy in front must terminate TLS (docs/proxies.md), and clients must not be able to bypass it.",
			Fix:   "Set tls on the receiver. Or put a proxy in front, and let only the proxy reach the port.",
			check: checkPlainServers,
		},
		{
			ID: "OT104", Family: FamilyTransport, Severity: finding.Error,
			Title: "Verification of certificates is disabled",
			Why:   "Anyone on the path can present any certificate, so TLS protects nothing.",
			Fix:   "Remove insecure_skip_verify, and set ca_file to the certificate authority of the server.",
			check: checkSkipVerify,
		},
		{
			ID: "OT105", Family: FamilyTransport, Severity: finding.Warning,
			Title: "The key may be sent without TLS",
			Why:   "bearer_key_auth::client refuses to send the key without TLS to other machines. The setting insecure disables that.",
			Fix:   "Remove insecure, and use https://.",
			check: checkInsecureKey,
		},
		{
			ID: "OT106", Family: FamilyTransport, Severity: finding.Warning,
			Title: "The registry or Redis is used without TLS",
			Why:   "Anyone on the path can change keys, routes and limits of tenants, and reads the password.",
			Fix:   "Write sslmode=verify-full in the DSN, or set limits::redis::tls.",
			check: checkStores,
		},
		{
			ID: "OT107", Family: FamilyTransport, Severity: finding.Warning,
			Title: "An outdated version of TLS is allowed",
			Why:   "TLS 1.0 and 1.1 have known weaknesses. The default is 1.2.",
			Fix:   "Remove min_version and max_version, or set them to 1.2 or 1.3.",
			check: checkTLSVersion,
		},
	}
}

func checkPlaintext(where reach, format string) func(*config, reporter) {
	return func(c *config, report reporter) {
		for i := range c.clients {
			if cl := &c.clients[i]; cl.plaintext && cl.reach == where {
				report(cl.at, cl.key, format, shown(cl.address), cl.host)
			}
		}
	}
}

func checkPlainServers(c *config, report reporter) {
	for i := range c.listeners {
		l := &c.listeners[i]
		if l.section == "receivers" && l.beyondLoopback() && !l.set.at("tls").isSet() {
			report(l.at, l.key+"::tls", "is not set, and the receiver listens on %s: a proxy in front must terminate TLS", l.address)
		}
	}
}

func checkSkipVerify(c *config, report reporter) {
	for _, section := range []string{"receivers", "processors", "exporters", "connectors", "extensions"} {
		for _, id := range c.used(section) {
			set, key := c.root.at(section, id), section+"::"+id
			set.walk(func(path []string, v *value) {
				if path[len(path)-1] != "insecure_skip_verify" || !v.isTrue() {
					return
				}
				// The endpoint beside tls::insecure_skip_verify.
				owner := set.at(path[:max(0, len(path)-2)]...)
				if e := owner.at("endpoint").text(); e != "" && parseEndpoint(e).reach == reachLocal {
					return
				}
				report(v, key+"::"+strings.Join(path, "::"), "is true: the certificate of the server is not verified")
			})
		}
	}
}

func checkInsecureKey(c *config, report reporter) {
	for _, id := range c.used("extensions") {
		if v := c.root.at("extensions", id, "client", "insecure"); typeOf(id) == typeKeyAuth && v.isTrue() {
			report(v, "extensions::"+id+"::client::insecure", "is true: the key is sent without TLS if an endpoint has none")
		}
	}
}

func checkStores(c *config, report reporter) {
	for _, id := range c.used("extensions") {
		if typeOf(id) != typeRegistry {
			continue
		}
		v := c.root.at("extensions", id, "postgres", "dsn")
		if host, mode := dsnHost(v.text()); host != "" && reachOf(host) != reachLocal && !slices.Contains([]string{"require", "verify-ca", "verify-full"}, mode) {
			report(v, "extensions::"+id+"::postgres::dsn", "connects to %s with sslmode=%s, which does not require TLS", host, mode)
		}
	}
	for _, id := range c.used("processors") {
		if typeOf(id) != typeTenant {
			continue
		}
		redis := c.root.at("processors", id, "limits", "redis")
		v := redis.at("endpoint")
		if e := parseEndpoint(v.text()); v.text() != "" && e.reach != reachLocal && e.reach != reachUnknown && !redis.at("tls").isSet() {
			report(v, "processors::"+id+"::limits::redis::tls", "is not set, and Redis is at %s", shown(v.text()))
		}
	}
}

// dsnHost returns the host and the sslmode of a connection string of PostgreSQL. The host is empty
// if it is a Unix socket or not known.
func dsnHost(dsn string) (host, mode string) {
	mode = "prefer"
	if strings.Contains(dsn, "://") {
		u, err := url.Parse(dsn)
		if err != nil {
			return "", mode
		}
		host = u.Hostname()
		if h := u.Query().Get("host"); h != "" {
			host = h
		}
		if m := u.Query().Get("sslmode"); m != "" {
			mode = m
		}
	} else {
		for _, pair := range strings.Fields(dsn) {
			switch name, text, _ := strings.Cut(pair, "="); name {
			case "host":
				host = text
			case "sslmode":
				mode = text
			}
		}
	}
	if strings.HasPrefix(host, "/") {
		return "", mode
	}
	return host, mode
}

func checkTLSVersion(c *config, report reporter) {
	for _, section := range []string{"receivers", "processors", "exporters", "connectors", "extensions"} {
		for _, id := range c.used(section) {
			c.root.at(section, id).walk(func(path []string, v *value) {
				name := path[len(path)-1]
				if (name == "min_version" || name == "max_version") && (v.text() == "1.0" || v.text() == "1.1") {
					report(v, section+"::"+id+"::"+strings.Join(path, "::"), "is %s", v.text())
				}
			})
		}
	}
}
