// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package loopback reserves addresses on 127.0.0.1 for the servers of tests,
// demonstrations and benchmarks. They need to know their address before they listen on
// it, and may stop and start again there while other tests run on the same machine.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports are below the ranges that Linux (from 32768) and the BSDs (from 49152) use
// for outgoing connections and for listeners on port 0, so the system never assigns a
// reserved port while its server is down.
const lowest, highest = 20000, 32000

// Reservation is a set of addresses that no other Reservation has until Close.
type Reservation struct {
	// Addresses are distinct. Each has the form "127.0.0.1:PORT".
	Addresses []string

	held []net.PacketConn
}

// Reserve returns n addresses whose TCP ports are free. No other call on this machine
// returns them until Close or until the process ends. The reservation is a UDP socket on
// the same port, so the TCP port stays free for the caller's server.
func Reserve(n int) (*Reservation, error) {
	r := new(Reservation)
	var last error
	for tries := 0; len(r.Addresses) < n; tries++ {
		if tries == 1000 {
			return nil, errors.Join(fmt.Errorf("no %d free ports between %d and %d: %w", n, lowest, highest, last), r.Close())
		}
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(highest-lowest)))
		held, err := net.ListenPacket("udp", addr)
		if err != nil {
			last = err
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			last = errors.Join(err, held.Close())
			continue
		}
		r.Addresses, r.held = append(r.Addresses, addr), append(r.held, held)
	}
	return r, nil
}

// Close releases the addresses.
func (r *Reservation) Close() error {
	var errs []error
	for _, held := range r.held {
		errs = append(errs, held.Close())
	}
	r.held = nil
	return errors.Join(errs...)
}

// Addresses reserves n addresses until the test ends.
func Addresses(tb testing.TB, n int) []string {
	tb.Helper()
	r, err := Reserve(n)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r.Addresses
}

// Address reserves one address until the test ends.
func Address(tb testing.TB) string {
	tb.Helper()
	return Addresses(tb, 1)[0]
}
