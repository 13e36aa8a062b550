// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rpc

import (
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	message = rpctest.Message
	answer  = rpctest.Answer
	says    = rpctest.Says
	hangs   = rpctest.Hangs
)

func listen(t *testing.T, answer func(conn net.Conn, closed <-chan struct{})) *rpctest.Daemon {
	return rpctest.Start(t, rpctest.Home(t), answer)
}

func clientOf(d *rpctest.Daemon) *Client {
	return New(Settings{Socket: d.Socket, MaxReply: 1 << 20, MaxProcesses: 100})
}

func corpus(t testing.TB) string {
	raw, err := os.ReadFile("testdata/getMonitorData.json")
	require.NoError(t, err)
	return string(raw)
}
