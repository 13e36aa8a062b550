// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package loopback

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReserve_NoAddressTwiceUntilClosed(t *testing.T) {
	seen := make(map[string]bool)
	for range 20 {
		for _, addr := range Addresses(t, 20) {
			assert.False(t, seen[addr], addr)
			seen[addr] = true
		}
	}
}

func TestReserve_LeavesTCPFreeAndReturnsNoPortThatIsTaken(t *testing.T) {
	addr := Address(t)
	for range 2 { // a server that ends and starts again
		l, err := net.Listen("tcp", addr)
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
	_, err := net.ListenPacket("udp", addr)
	assert.Error(t, err, "reserved")
}

func TestReservation_CloseGivesBack(t *testing.T) {
	r, err := Reserve(1)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "twice")
	held, err := net.ListenPacket("udp", r.Addresses[0])
	require.NoError(t, err)
	require.NoError(t, held.Close())
}

func TestReserve_MoreThanThereAreIsAnErrorAndHoldsNothing(t *testing.T) {
	_, err := Reserve(highest) // more than the range has
	require.ErrorContains(t, err, "free ports between 20000 and 32000")
	r, err := Reserve(100)
	require.NoError(t, err)
	require.NoError(t, r.Close())
}
