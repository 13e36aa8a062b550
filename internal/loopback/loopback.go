// Package loopback hands out addresses on 127.0.0.1 to servers of tests,
// demonstrations and benchmarks, which must know where they will listen before
// they do, may end and start again there, and must not be disturbed meanwhile.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports lie below those that Linux (32768) and the BSDs (49152) give to
// outgoing connections and to listeners on port 0, which would take a port that
// is free for a moment.
const lowest, highest = 20000, 32000

// Reservation is a set of addresses that are its own until Close.
type Reservation struct {
	// Addresses are different, and each is "127.0.0.1:PORT".
	Addresses []string

	held []net.PacketConn
}

// Reserve returns n addresses with a TCP port that nobody listens on. Until Close,
// or the end of the process, no other Reserve on this machine returns them: a UDP
// socket on the same port stands for the reservation, so TCP stays free for
// whoever the addresses are for.
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

// Close gives the addresses back.
func (r *Reservation) Close() error {
	var errs []error
	for _, held := range r.held {
		errs = append(errs, held.Close())
	}
	r.held = nil
	return errors.Join(errs...)
}

// Addresses returns n addresses that are the test's own until it ends.
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

// Address returns one address that is the test's own until it ends.
func Address(tb testing.TB) string {
	tb.Helper()
	return Addresses(tb, 1)[0]
}
