// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTrackingListener_ClosesWhatItHasAccepted(t *testing.T) {
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

func TestRunning_DrainReturnsWhatIsLeft(t *testing.T) {
	var r running
	never, stopped := make(chan struct{}), make(chan struct{})
	assert.Zero(t, r.drain(t.Context(), never), "nothing is under way")
	r.start()
	close(stopped)
	assert.Zero(t, r.drain(t.Context(), stopped), "the server has ended by itself")
	ctx, cancel := context.WithTimeout(t.Context(), 2*quietTime)
	defer cancel()
	assert.EqualValues(t, 1, r.drain(ctx, never))
	assert.Error(t, ctx.Err(), "it waits as long as it may")
	assert.EqualValues(t, 1, r.wait(ctx))
	time.AfterFunc(lookInterval, r.end)
	assert.Zero(t, r.wait(t.Context()))
}
