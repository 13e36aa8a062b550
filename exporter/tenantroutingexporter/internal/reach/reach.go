// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package reach prevents connections of tenants' own destinations to the operator's networks.
//
// An address is checked when a connection is made, after name resolution. So neither a name, nor a
// changed DNS record, nor another spelling of an address circumvents the check.
package reach

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Guard allows connections to public addresses, and to those of Allow. It is
// immutable.
type Guard struct {
	Allow []netip.Prefix
}

// Error is the error of an address that is not allowed.
type Error struct {
	Address netip.Addr
	What    string // what kind of address it is
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf(`%s is %s, where a tenant's own destination must not point; if this one may, list %s or its network under "allow_private_endpoints" of the destination or the exporter`,
		e.Address, e.What, netip.PrefixFrom(e.Address, e.Address.BitLen()))
}

// WithoutAddress returns the error's text for an address that must not be shown.
func (e *Error) WithoutAddress() string {
	return fmt.Sprintf(`the endpoint is %s, where a tenant's own destination must not point; if it may, list it or its network under "allow_private_endpoints" of the destination or the exporter`, e.What)
}

// network is a part of the address space with its description for errors.
type network struct {
	prefix netip.Prefix
	what   string
}

func networks(what string, prefixes ...string) (list []network) {
	for _, p := range prefixes {
		list = append(list, network{netip.MustParsePrefix(p), what})
	}
	return list
}

// reserved are the networks that are not part of the internet. More specific ones come first.
var reserved = concat(
	networks("an unspecified address", "0.0.0.0/8", "::/128"),
	networks("a loopback address", "127.0.0.0/8", "::1/128"),
	networks("a link-local address", "169.254.0.0/16", "fe80::/10"),
	networks("a private address", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
	networks("a shared address of a provider's network", "100.64.0.0/10"),
	networks("an address of a cloud's own services", "168.63.129.16/32"),
	networks("a multicast address", "224.0.0.0/4", "ff00::/8"),
	networks("a reserved address", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "64:ff9b:1::/48", "100::/64", "2001::/32", "5f00::/16"),
)

func concat(lists ...[]network) (all []network) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

var (
	compatible  = netip.MustParsePrefix("::/96")
	translated  = netip.MustParsePrefix("::ffff:0:0:0/96")
	nat64       = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour   = netip.MustParsePrefix("2002::/16")
	isatapGroup = [4]byte{0x00, 0x00, 0x5e, 0xfe}
)

// Check returns an *Error unless addr is allowed.
func (g *Guard) Check(addr netip.Addr) error {
	addr = addr.WithZone("").Unmap()
	for _, p := range g.Allow {
		if p.Contains(addr) {
			return nil
		}
	}
	if what := kind(addr); what != "" {
		return &Error{Address: addr, What: what}
	}
	if inner, ok := embedded(addr); ok {
		if what := kind(inner); what != "" {
			return &Error{Address: addr, What: "another form of " + what}
		}
	}
	return nil
}

func kind(addr netip.Addr) string {
	if !addr.IsValid() {
		return "no valid address"
	}
	for _, n := range reserved {
		if n.prefix.Contains(addr) {
			return n.what
		}
	}
	return ""
}

// embedded returns the IPv4 address that a gateway or the operating system translates an IPv6 address to.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	if !addr.Is6() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	switch {
	case compatible.Contains(addr), translated.Contains(addr), nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case [4]byte{b[8] &^ 2, b[9], b[10], b[11]} == isatapGroup:
		return netip.AddrFrom4([4]byte(b[12:])), true
	}
	return netip.Addr{}, false
}

// CheckHost returns an *Error if host, with or without a port, is an address that is not allowed, or a name
// that always resolves to one. Other names are checked after they are resolved.
func (g *Guard) CheckHost(host string) error {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil
	}
	return g.Check(addr)
}

// These are the values of net/http's default dialer.
const (
	dialTimeout = 30 * time.Second
	keepAlive   = 30 * time.Second
)

// DialContext connects as a net.Dialer does, to allowed addresses only.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive, ControlContext: g.control}
	return d.DialContext(ctx, network, address)
}

// control is called with each resolved address before the connection is made.
func (g *Guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("a tenant's own destination must not be reached over %s", network)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%q is not an address", address)
	}
	return g.Check(ap.Addr())
}

// ParseAllow reads networks such as 10.0.0.0/8 and single addresses. The error
// names the fault.
func ParseAllow(texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			addr, aerr := netip.ParseAddr(text)
			if aerr != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("%q is neither a network such as 10.0.0.0/8 nor an address", text)
			}
			addr = addr.Unmap()
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		if p.Addr().Is4In6() {
			return nil, fmt.Errorf("%q must be written as an IPv4 network", text)
		}
		if p != p.Masked() {
			return nil, fmt.Errorf("%q is not the first address of its network, want %s", text, p.Masked())
		}
		list = append(list, p)
	}
	return list, nil
}
