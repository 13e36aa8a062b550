// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ownports

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestListening(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", "[::1]:0", "[::]:0"} {
		l, err := net.Listen("tcp", addr) //nolint:noctx // on loopback
		if err != nil && addr[0] == '[' {
			t.Log("no IPv6 here")
			continue
		}
		require.NoError(t, err)
		own := l.Addr().(*net.TCPAddr).AddrPort()
		own = netip.AddrPortFrom(own.Addr().Unmap(), own.Port())
		assert.Contains(t, Listening(), own, addr)
		to := own
		if own.Addr().IsUnspecified() {
			to = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), own.Port())
		}
		conn, err := net.Dial("tcp", to.String()) //nolint:noctx // on loopback
		require.NoError(t, err)
		client := conn.LocalAddr().(*net.TCPAddr).AddrPort()
		assert.NotContains(t, Listening(), client, "the port of a connection is not listened on")
		require.NoError(t, conn.Close())
		require.NoError(t, l.Close())
		assert.NotContains(t, Listening(), own, addr)
	}
}
