// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ownports

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestListening(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", addr) //nolint:noctx // on loopback
		if err != nil && addr != "127.0.0.1:0" {
			t.Log("no IPv6 here")
			continue
		}
		require.NoError(t, err)
		port := uint16(l.Addr().(*net.TCPAddr).Port) //nolint:gosec // it is a port
		assert.True(t, Listening()[port], addr)
		conn, err := net.Dial("tcp", l.Addr().String()) //nolint:noctx // on loopback
		require.NoError(t, err)
		client := uint16(conn.LocalAddr().(*net.TCPAddr).Port) //nolint:gosec // it is a port
		assert.False(t, Listening()[client], "a port of a connection is none that is listened on")
		require.NoError(t, conn.Close())
		require.NoError(t, l.Close())
		assert.False(t, Listening()[port], addr)
	}
}
