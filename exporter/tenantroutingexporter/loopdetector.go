// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/ownports"
)

// loopInterval is how often the listening ports of this process are read.
const loopInterval = 10 * time.Second

// loopDetector detects a destination that is this process itself, which receives its own data and sends it
// again without end. It does not resolve names, except localhost and the name of the host. It is for one
// goroutine.
type loopDetector struct {
	candidates []candidate
	at         time.Time
	found      []condition.Finding
}

// candidate is a destination that may be on this machine.
type candidate struct {
	endpoint string // host and port
	// addresses are none for the name of the host.
	addresses []netip.Addr
	port      uint16
}

func newLoopDetector(cfg *Config) *loopDetector {
	l := &loopDetector{}
	name, _ := os.Hostname() // without a name, none is compared
	for _, d := range cfg.Destinations {
		for _, endpoint := range d.endpoints() {
			host, port, ok := hostPort(endpoint)
			if !ok {
				continue
			}
			c := candidate{endpoint: net.JoinHostPort(host, strconv.Itoa(int(port))), port: port}
			address, err := netip.ParseAddr(host)
			switch {
			case err == nil && address.IsUnspecified(), host == "localhost":
				c.addresses = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
			case err == nil:
				c.addresses = []netip.Addr{address.Unmap().WithZone("")}
			case !strings.EqualFold(host, name):
				continue
			}
			l.candidates = append(l.candidates, c)
		}
	}
	slices.SortFunc(l.candidates, func(a, b candidate) int { return strings.Compare(a.endpoint, b.endpoint) })
	return l
}

// endpoints returns the endpoints of a destination that are the same for all tenants.
func (d *DestinationConfig) endpoints() (all []string) {
	if h := d.OTLPHTTP.Get(); h != nil {
		all = append(all, h.ClientConfig.Endpoint)
	}
	if g := d.OTLPGRPC.Get(); g != nil {
		all = append(all, g.ClientConfig.Endpoint)
	}
	return slices.DeleteFunc(all, func(e string) bool { return e == "" || strings.ContainsAny(e, "{}") })
}

// hostPort returns the host and port that an endpoint connects to.
func hostPort(endpoint string) (host string, port uint16, ok bool) {
	name := ""
	for _, scheme := range []string{"dns:///", "passthrough:///"} { // of gRPC
		endpoint = strings.TrimPrefix(endpoint, scheme)
	}
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		host, name = u.Hostname(), u.Port()
		switch {
		case name == "" && u.Scheme == "https":
			name = "443"
		case name == "":
			name = "80"
		}
	} else if host, name, err = net.SplitHostPort(endpoint); err != nil {
		return "", 0, false
	}
	n, err := strconv.ParseUint(name, 10, 16)
	return host, uint16(n), err == nil && n > 0
}

func (l *loopDetector) findings(now time.Time) []condition.Finding {
	if len(l.candidates) == 0 || !l.at.IsZero() && now.Sub(l.at) < loopInterval {
		return l.found
	}
	l.at, l.found = now, nil
	own := ownports.Listening()
	if len(own) == 0 {
		return nil
	}
	machine := machineAddresses()
	for _, c := range l.candidates {
		if c.reaches(own, machine) {
			l.found = []condition.Finding{{
				Name: condition.FeedbackLoop, Message: "The destination " + c.endpoint + " is this process itself: it receives what it sends, and no data leaves this machine",
			}}
			break // all have the same cause
		}
	}
	return l.found
}

// reaches reports whether a connection to the destination reaches one of the listeners. Another process may
// listen on the same port of another address.
func (c *candidate) reaches(listeners []netip.AddrPort, machine map[netip.Addr]bool) bool {
	for _, l := range listeners {
		if l.Port() != c.port {
			continue
		}
		if len(c.addresses) == 0 && (l.Addr().IsUnspecified() || machine[l.Addr()] && !l.Addr().IsLoopback()) {
			return true
		}
		for _, address := range c.addresses {
			all := l.Addr().IsUnspecified() && (l.Addr().Is6() || address.Is4())
			if l.Addr() == address || all && (address.IsLoopback() || machine[address]) {
				return true
			}
		}
	}
	return false
}

// machineAddresses returns the addresses of the interfaces of this machine.
func machineAddresses() map[netip.Addr]bool {
	all := map[netip.Addr]bool{}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return all // destinations on loopback are found without them
	}
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			all[prefix.Addr().Unmap()] = true
		}
	}
	return all
}
