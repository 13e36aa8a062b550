// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"net/netip"
	"regexp"
	"strings"
)

// reach is where a host is.
type reach int

const (
	reachUnknown reach = iota // a part of the host is not known
	reachLocal                // loopback, a Unix socket
	reachPrivate              // a private network, or a name that only one network knows
	reachPublic
	reachAll // all addresses of the machine; of servers only
)

// endpoint is an address as far as it is known.
type endpoint struct {
	scheme, host, port string
	reach              reach
}

var (
	template = regexp.MustCompile(`\{[^{}]*\}`)
	carrier  = netip.MustParsePrefix("100.64.0.0/10")
)

// parseEndpoint parses a URL, or a host and a port. Variables of a tenant are in braces.
func parseEndpoint(text string) endpoint {
	var e endpoint
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "/") || strings.HasPrefix(text, "unix:") || strings.HasPrefix(text, "@") {
		e.reach = reachLocal
		return e
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		e.scheme, text = strings.ToLower(scheme), strings.TrimLeft(rest, "/")
	} else if rest, ok := strings.CutPrefix(text, "dns:"); ok {
		text = rest
	}
	text, _, _ = strings.Cut(text, "?")
	text, _, _ = strings.Cut(text, "/")
	text = text[strings.LastIndexByte(text, '@')+1:]
	e.host, e.port = splitPort(text)
	e.reach = reachOf(e.host)
	return e
}

func splitPort(text string) (host, port string) {
	if rest, ok := strings.CutPrefix(text, "["); ok {
		host, port, _ = strings.Cut(rest, "]")
		return host, strings.TrimPrefix(port, ":")
	}
	if i := strings.LastIndexByte(text, ':'); i >= 0 && strings.Count(text, ":") == 1 {
		return text[:i], text[i+1:]
	}
	return text, ""
}

// privateSuffixes end names that public DNS does not have.
var privateSuffixes = []string{".local", ".internal", ".lan", ".home.arpa", ".localdomain", ".svc", ".consul", ".intranet"}

// reachOf returns where a host is, without asking DNS.
func reachOf(host string) reach {
	if strings.Contains(host, "{") {
		// The domain of {tenant}.example.com is known, that of {vars.host} is not.
		rest := template.ReplaceAllString(host, "x")
		if strings.HasSuffix(host, "}") || !strings.Contains(rest, ".") {
			return reachUnknown
		}
		host = rest
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		switch {
		case addr.IsUnspecified():
			return reachAll
		case addr.IsLoopback():
			return reachLocal
		case addr.IsPrivate(), addr.IsLinkLocalUnicast(), carrier.Contains(addr):
			return reachPrivate
		}
		return reachPublic
	}
	switch {
	case host == "":
		return reachAll
	case host == "localhost", strings.HasSuffix(host, ".localhost"):
		return reachLocal
	case !strings.Contains(host, "."): // such as a service of Docker Compose
		return reachPrivate
	}
	for _, suffix := range privateSuffixes {
		if strings.HasSuffix(host, suffix) || strings.Contains(host, suffix+".") && suffix == ".svc" {
			return reachPrivate
		}
	}
	return reachPublic
}

// shown returns an endpoint without a user name, a password and a query, which may have secrets.
func shown(text string) string {
	text, _, _ = strings.Cut(text, "?")
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text[strings.LastIndexByte(text, '@')+1:]
	}
	authority, path, slash := strings.Cut(rest, "/")
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	if slash {
		path = "/" + path
	}
	return scheme + "://" + authority + path
}
