// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTrackingListener_ClosesAcceptedConnections(t *testing.T) {
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := track(inner)
	defer l.Close()
	dial := func() net.Conn {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	first, second := dial(), dial()
	accepted, err := l.Accept()
	require.NoError(t, err)
	require.NoError(t, accepted.Close())
	_, err = l.Accept()
	require.NoError(t, err)
	assert.Len(t, l.open, 1, "a closed one is forgotten")
	l.closeConnections()
	assert.Empty(t, l.open)
	third := dial()
	_, err = l.Accept()
	require.NoError(t, err)
	for _, conn := range []net.Conn{first, second, third} {
		_, err := conn.Read(make([]byte, 1))
		assert.Equal(t, io.EOF, err)
	}
}
