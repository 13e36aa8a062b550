package clientaddr

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// maxHops bounds the elements of a header that are looked at.
const maxHops = 32

// Resolver finds the addresses of clients. The zero value trusts no proxy. It is
// immutable, safe for concurrent use, and does not allocate.
type Resolver struct {
	trusted []netip.Prefix
	header  Header
}

// New returns the resolver that believes header from the proxies in trusted.
func New(trusted []netip.Prefix, header Header) *Resolver {
	return &Resolver{trusted: trusted, header: header}
}

// ParseTrusted returns the networks of texts, each an address or a CIDR. Every error
// names the index.
func ParseTrusted(texts []string) ([]netip.Prefix, error) {
	var errs []error
	all := make([]netip.Prefix, 0, len(texts))
	for i, text := range texts {
		p, err := parsePrefix(text)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("[%d]: %q is not an address or a network such as 10.0.0.0/8", i, text))
		case p.Bits() == 0:
			errs = append(errs, fmt.Errorf("[%d]: %q is every address, so that any caller could choose the address it is taken for; list the proxies", i, text))
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

// Outcome is what became of the headers of a request.
type Outcome uint8

// The outcomes.
const (
	Direct    Outcome = iota // the connection is not of a trusted proxy
	Forwarded                // the address is of a header
	Missing                  // a trusted proxy sent none of the headers
	Unclear                  // a trusted proxy sent what says nothing, or two things
)

// Client returns the address of the client of a request over a connection from peer.
// If the headers do not say it, it is that of the connection.
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

// valuesOf returns the values of a header, and under how many spellings of its name
// there are any. Servers of HTTP hand over canonical names, those of gRPC lower-case
// ones. Of both the order is not known.
func valuesOf(headers map[string][]string, kind Header) (values []string, spellings int) {
	for _, name := range [...]string{kind.canonical(), string(kind)} {
		if v := headers[name]; len(v) > 0 {
			values = v
			spellings++
		}
	}
	return values, spellings
}

// walk goes from the last element of the lines to the first that is no trusted proxy.
// If all are, the first is the client.
func (r *Resolver) walk(kind Header, lines []string) (client netip.Addr, ok bool) {
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			var element string
			element, rest, more = lastElement(rest)
			if element == "" {
				continue // as RFC 9110 has it of lists
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

// Of returns the IP address of a connection, without zone, or the zero address if it
// has none, as a socket of the file system.
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
