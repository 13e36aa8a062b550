// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package clientaddr

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// maxHops bounds the elements of a header that are read.
const maxHops = 32

// Resolver finds the addresses of clients. The zero value trusts no proxy. It is
// immutable, safe for concurrent use, and does not allocate.
type Resolver struct {
	trusted []netip.Prefix
	header  Header
}

// New returns a resolver that uses header on connections from the proxies in trusted.
func New(trusted []netip.Prefix, header Header) *Resolver {
	return &Resolver{trusted: trusted, header: header}
}

// ParseTrusted parses addresses and CIDR prefixes. Its error has a line for each invalid text, with
// its index. A prefix of length 0 is invalid.
func ParseTrusted(texts []string) ([]netip.Prefix, error) {
	var errs []error
	all := make([]netip.Prefix, 0, len(texts))
	for i, text := range texts {
		p, err := parsePrefix(text)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("[%d]: %q is not an address or a network such as 10.0.0.0/8", i, text))
		case p.Bits() == 0:
			errs = append(errs, fmt.Errorf("[%d]: %q matches every address, so any client could choose its address; list the proxies", i, text))
		default:
			all = append(all, p)
		}
	}
	return all, errors.Join(errs...)
}

func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// Outcome is how the address of a client was found.
type Outcome uint8

// The outcomes.
const (
	Direct    Outcome = iota // the connection is not from a trusted proxy; its address is used
	Forwarded                // the address is from a header
	Missing                  // a trusted proxy sent none of the headers; its address is used
	Unclear                  // a trusted proxy sent invalid or contradictory headers; its address is used
)

// Client returns the address of the client of a request over a connection from peer. It returns peer
// unless the outcome is Forwarded.
func (r *Resolver) Client(peer netip.Addr, headers map[string][]string) (netip.Addr, Outcome) {
	if r == nil || len(r.trusted) == 0 || !r.trusts(peer) {
		return peer, Direct
	}
	var found netip.Addr
	for _, kind := range [...]Header{HeaderXForwardedFor, HeaderForwarded, HeaderXRealIP} {
		if !r.header.reads(kind) {
			continue
		}
		lines, n := valuesOf(headers, kind)
		switch {
		case n == 0:
			continue
		case n > 1:
			return peer, Unclear
		}
		addr, ok := r.walk(kind, lines)
		if !ok || found.IsValid() && addr != found {
			return peer, Unclear
		}
		found = addr
	}
	if !found.IsValid() {
		return peer, Missing
	}
	return found, Forwarded
}

// valuesOf returns the values of a header, and the number of spellings of its name that have values.
// HTTP servers pass canonical names, and gRPC servers pass lower-case ones. The order of values under
// different spellings is unknown.
func valuesOf(headers map[string][]string, kind Header) (values []string, spellings int) {
	for _, name := range [...]string{kind.canonical(), string(kind)} {
		if v := headers[name]; len(v) > 0 {
			values = v
			spellings++
		}
	}
	return values, spellings
}

// walk reads elements from the last one to the left, and returns the first address that is not a
// trusted proxy. If all are trusted proxies, it returns the leftmost one.
func (r *Resolver) walk(kind Header, lines []string) (client netip.Addr, ok bool) {
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			var element string
			element, rest, more = lastElement(rest)
			if element == "" {
				continue // RFC 9110 allows empty elements
			}
			if hops++; hops > maxHops || kind == HeaderXRealIP && hops > 1 {
				return netip.Addr{}, false
			}
			if client, ok = kind.address(element); !ok {
				return netip.Addr{}, false
			}
			if !r.trusts(client) {
				return client, true
			}
		}
	}
	return client, client.IsValid()
}

func (r *Resolver) trusts(addr netip.Addr) bool {
	for _, p := range r.trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Of returns the IP address of addr without its zone, or the zero Addr if it has none, such as a
// Unix socket.
func Of(addr net.Addr) netip.Addr {
	var raw net.IP
	switch a := addr.(type) {
	case *net.IPAddr: // confighttp
		raw = a.IP
	case *net.TCPAddr: // configgrpc
		raw = a.IP
	}
	ip, _ := netip.AddrFromSlice(raw)
	return ip.Unmap()
}
