// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"net"
	"net/netip"
	"net/url"
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
// again without end. It is for one goroutine.
type loopDetector struct {
	local map[string]uint16 // ports of destinations on this machine, by host and port
	at    time.Time
	found []condition.Finding
}

func newLoopDetector(cfg *Config) *loopDetector {
	s := &loopDetector{local: map[string]uint16{}}
	for _, d := range cfg.Destinations {
		for _, endpoint := range d.endpoints() {
			if host, port, ok := hostPort(endpoint); ok && isLocal(host) {
				s.local[net.JoinHostPort(host, strconv.Itoa(int(port)))] = port
			}
		}
	}
	return s
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

// isLocal reports whether the name or address of a host is one of this machine, without name resolution.
func isLocal(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.Unmap().IsLoopback() || ip.IsUnspecified())
}

func (s *loopDetector) findings(now time.Time) []condition.Finding {
	if len(s.local) == 0 || !s.at.IsZero() && now.Sub(s.at) < loopInterval {
		return s.found
	}
	s.at, s.found = now, nil
	own := ownports.Listening()
	for address, port := range s.local {
		if own[port] {
			s.found = []condition.Finding{{
				Name: condition.FeedbackLoop, Message: "The destination " + address + " is this process itself: it receives what it sends, and no data leaves this machine",
			}}
		}
	}
	return s.found
}
