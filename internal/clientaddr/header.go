// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package clientaddr

import (
	"fmt"
	"net/netip"
	"strings"
)

// Header is the name of a header in which a proxy reports the address of its client.
type Header string

// The headers. HeaderAuto reads both X-Forwarded-For and Forwarded. A proxy writes one of them and may
// forward the other one unchanged from its client, so both are used only if they do not contradict
// each other.
const (
	HeaderAuto          Header = "auto"
	HeaderForwarded     Header = "forwarded"       // RFC 7239
	HeaderXForwardedFor Header = "x-forwarded-for" // a list of addresses
	HeaderXRealIP       Header = "x-real-ip"       // one address
)

// Validate returns an error unless h is one of the headers, or empty, which means HeaderAuto.
func (h Header) Validate() error {
	switch h {
	case "", HeaderAuto, HeaderForwarded, HeaderXForwardedFor, HeaderXRealIP:
		return nil
	}
	return fmt.Errorf("must be auto, forwarded, x-forwarded-for or x-real-ip, got %q", string(h))
}

// reads reports whether h includes the header kind.
func (h Header) reads(kind Header) bool {
	if h == "" || h == HeaderAuto {
		return kind != HeaderXRealIP
	}
	return h == kind
}

// canonical returns the canonical name of net/http.
func (h Header) canonical() string {
	switch h {
	case HeaderForwarded:
		return "Forwarded"
	case HeaderXForwardedFor:
		return "X-Forwarded-For"
	case HeaderXRealIP:
		return "X-Real-Ip"
	}
	return ""
}

// address returns the address of one element of the header.
func (h Header) address(element string) (netip.Addr, bool) {
	if h == HeaderForwarded {
		return forwardedFor(element)
	}
	return parseNode(element)
}

// lastElement returns the last element of a list, the rest, and whether there are more elements. It
// searches for the comma from the right, so an unclosed quote of a client does not affect the elements
// that a proxy has appended.
func lastElement(list string) (element, rest string, more bool) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch list[i] {
		case '"':
			if !escaped(list, i) {
				quoted = !quoted
			}
		case ',':
			if !quoted {
				return trim(list[i+1:]), list[:i], true
			}
		}
	}
	return trim(list), "", false
}

// escaped reports whether the character at i follows an odd number of backslashes.
func escaped(s string, i int) bool {
	n := 0
	for i > n && s[i-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// forwardedFor returns the address in the parameter "for" of an element of Forwarded, which must have
// it exactly once.
func forwardedFor(element string) (addr netip.Addr, ok bool) {
	for more := true; more; {
		var pair string
		pair, element, more = cutPair(element)
		name, value, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(trim(name), "for") {
			continue
		}
		if ok {
			return netip.Addr{}, false
		}
		if addr, ok = parseNode(unquote(trim(value))); !ok {
			return netip.Addr{}, false
		}
	}
	return addr, ok
}

// cutPair returns the first parameter of an element, the rest, and whether there are more parameters.
func cutPair(element string) (pair, rest string, more bool) {
	quoted := false
	for i := range len(element) {
		switch element[i] {
		case '"':
			if !escaped(element, i) {
				quoted = !quoted
			}
		case ';':
			if !quoted {
				return element[:i], element[i+1:], true
			}
		}
	}
	return element, "", false
}

// unquote returns the content of a quoted string. It does not replace escapes: no valid address has a
// backslash.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// parseNode returns the address of a node of RFC 7239 or a similar header: an IPv4 address, or
// an IPv6 address with or without brackets, with an optional port. "unknown" and
// identifiers such as _proxy1 have none.
func parseNode(node string) (netip.Addr, bool) {
	host := node
	switch {
	case strings.HasPrefix(node, "["):
		end := strings.IndexByte(node, ']')
		if end < 0 || !isPort(node[end+1:]) {
			return netip.Addr{}, false
		}
		host = node[1:end]
		if !strings.Contains(host, ":") {
			return netip.Addr{}, false
		}
	case strings.Count(node, ":") == 1:
		colon := strings.IndexByte(node, ':')
		if !isPort(node[colon:]) {
			return netip.Addr{}, false
		}
		host = node[:colon]
	}
	addr, err := parseAddr(host)
	return addr, err == nil
}

// parseAddr parses an address. It does not allocate an error for texts with invalid characters.
func parseAddr(host string) (netip.Addr, error) {
	if host == "" || len(host) > 64 {
		return netip.Addr{}, errNoAddress
	}
	for i := range len(host) {
		c := host[i]
		if c == '%' {
			break // a zone may have anything
		}
		if !isHex(c) && c != '.' && c != ':' {
			return netip.Addr{}, errNoAddress
		}
	}
	addr, err := netip.ParseAddr(host)
	return addr.WithZone("").Unmap(), err
}

type noAddress struct{}

// Error implements error.
func (noAddress) Error() string { return "not an address" }

var errNoAddress = noAddress{}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// isPort reports whether s is empty, or a colon and a port or an obfuscated port of RFC 7239.
func isPort(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) < 2 {
		return false
	}
	s = s[1:]
	if s[0] == '_' {
		return len(s) > 1
	}
	if len(s) > 5 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// trim removes spaces and tabs at both ends.
func trim(s string) string { return strings.Trim(s, " \t") }
