// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package reach

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
)

// forbidden are addresses of the operator's own networks in every spelling that a
// connection takes.
var forbidden = []string{
	"0.0.0.0", "0.1.2.3", "::", // the system takes them for loopback
	"127.0.0.1", "127.1.2.3", "127.255.255.255", "::1",
	"169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1",
	"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd00:ec2::254", "fec0::1",
	"100.64.0.1", "100.100.100.200", "100.127.255.255", "168.63.129.16",
	"224.0.0.1", "239.255.255.255", "ff02::1", "255.255.255.255", "240.0.0.1", "192.0.0.170", "198.18.0.1", "198.19.255.255",
	"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", // IPv4-mapped
	"::127.0.0.1", "::10.0.0.1", "::a9fe:a9fe", // IPv4-compatible
	"::ffff:0:127.0.0.1", "::ffff:0:10.0.0.1", // IPv4-translated
	"64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::a00:1", "64:ff9b:1::1", // NAT64
	"2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::1", "2002:a00:1::", // 6to4
	"2001:0:1:2:3:4:5:6",                                     // Teredo
	"2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:7f00:1", // ISATAP
	"100::1",
}

var public = []string{"8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "192.167.1.1", "11.0.0.1", "169.253.1.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::8.8.8.8", "2002:808:808::1", "::ffff:8.8.8.8"}

func TestCheck(t *testing.T) {
	var g Guard
	for _, text := range forbidden {
		err := g.Check(netip.MustParseAddr(text))
		var e *Error
		require.ErrorAs(t, err, &e, text)
		assert.ErrorContains(t, err, `"allow_private_endpoints"`, "the error names the key")
		assert.Error(t, g.CheckHost(text), text)
		assert.Error(t, g.CheckHost(net.JoinHostPort(text, "4318")), text)
	}
	for _, text := range public {
		assert.NoError(t, g.Check(netip.MustParseAddr(text)), text)
		assert.NoError(t, g.CheckHost(text), text)
	}
	assert.Error(t, g.Check(netip.Addr{}))
	for _, host := range []string{"localhost", "LOCALHOST.", "a.localhost", "localhost:4317"} {
		assert.Error(t, g.CheckHost(host), host)
	}
	assert.NoError(t, g.CheckHost("backend.example:4317"))
}

func TestCheck_Allow(t *testing.T) {
	allow, err := ParseAllow([]string{"127.0.0.0/8", "10.1.0.0/16", "fd00::/8", "192.168.1.1"})
	require.NoError(t, err)
	g := Guard{Allow: allow}
	for _, text := range []string{"127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3", "fd12::1", "192.168.1.1"} {
		assert.NoError(t, g.Check(netip.MustParseAddr(text)), text)
	}
	for _, text := range []string{"::1", "10.2.0.1", "fc00::1", "192.168.1.2", "169.254.169.254", "64:ff9b::127.0.0.1"} {
		assert.Error(t, g.Check(netip.MustParseAddr(text)), text)
	}
}

func TestParseAllow_Rejects(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "neither a network",
		"localhost":           "neither a network",
		"10.0.0.0/33":         "neither a network",
		"10.0.0.1/8":          "want 10.0.0.0/8",
		"::ffff:10.0.0.0/104": "IPv4 network",
		"fe80::1%eth0":        "neither a network",
		"http://10.0.0.0/8":   "neither a network",
		"*":                   "neither a network",
	} {
		_, err := ParseAllow([]string{text})
		assert.ErrorContains(t, err, want, text)
	}
}

// TestDialContext connects to a server on loopback by all names that lead there.
func TestDialContext(t *testing.T) {
	l, err := net.Listen("tcp", loopback.Addresses(t, 1)[0])
	require.NoError(t, err)
	defer l.Close()
	accepted := make(chan struct{}, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- struct{}{}
			_ = c.Close()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	var g Guard
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "::ffff:127.0.0.1"} {
		_, err := g.DialContext(context.Background(), "tcp", net.JoinHostPort(host, port))
		var e *Error
		require.ErrorAs(t, err, &e, "%s: %v", host, err)
	}
	assert.Empty(t, accepted, "the check comes before the connection")
	socket := filepath.Join(t.TempDir(), "s")
	u, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer u.Close()
	_, err = g.DialContext(context.Background(), "unix", socket)
	require.ErrorContains(t, err, "over unix")

	g.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c, err := g.DialContext(context.Background(), "tcp", l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, c.Close())
	<-accepted
}
