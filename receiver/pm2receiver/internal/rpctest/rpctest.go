// Package rpctest is for tests: a socket on which something answers as PM2's daemon
// does, or does not.
package rpctest

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// RequestID is what a request must end with for Answer to answer it.
const RequestID = "s:otelcol:1"

// Message frames arguments.
func Message(args ...string) []byte {
	b := []byte{1<<4 | byte(len(args))}
	for _, arg := range args {
		b = binary.BigEndian.AppendUint32(b, uint32(len(arg))) //nolint:gosec // of a test
		b = append(b, arg...)
	}
	return b
}

// Answer frames the JSON of an answer.
func Answer(json string) []byte { return Message("j:"+json, RequestID) }

// Daemon listens to a socket.
type Daemon struct {
	// Home is a folder with the socket in it: its path is short enough for one.
	Home   string
	Socket string

	t        testing.TB
	mu       sync.Mutex
	answer   func(conn net.Conn, closed <-chan struct{})
	requests []string
	listener net.Listener
	closed   chan struct{}
	wg       sync.WaitGroup
}

// Home makes a folder for a daemon that has not started. It is removed with the test.
func Home(t testing.TB) string {
	home, err := os.MkdirTemp("", "pm2") //nolint:usetesting // the test's folder is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	return home
}

// Start listens in home until the test ends or Stop.
func Start(t testing.TB, home string, answer func(conn net.Conn, closed <-chan struct{})) *Daemon {
	d := &Daemon{Home: home, Socket: filepath.Join(home, "rpc.sock"), t: t, answer: answer, closed: make(chan struct{})}
	var err error
	d.listener, err = net.Listen("unix", d.Socket)
	require.NoError(t, err)
	d.wg.Go(d.serve)
	t.Cleanup(d.Stop)
	return d
}

// Stop ends the daemon and takes its socket away. It may be called again.
func (d *Daemon) Stop() {
	d.mu.Lock()
	select {
	case <-d.closed:
	default:
		close(d.closed)
		_ = d.listener.Close()
	}
	d.mu.Unlock()
	d.wg.Wait()
}

// Requests returns what was asked, as far as each request was read.
func (d *Daemon) Requests() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.requests...)
}

// Say changes the answer.
func (d *Daemon) Say(answer func(conn net.Conn, closed <-chan struct{})) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = answer
}

func (d *Daemon) serve() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.wg.Go(func() {
			defer conn.Close()
			request, err := readMessage(conn)
			d.mu.Lock()
			d.requests = append(d.requests, request)
			answer := d.answer
			d.mu.Unlock()
			if err == nil {
				answer(conn, d.closed)
			}
		})
	}
}

// readMessage reads one message as it is.
func readMessage(r io.Reader) (string, error) {
	b := make([]byte, 1)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", err
	}
	for range b[0] & 15 {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return string(b), err
		}
		arg := make([]byte, min(binary.BigEndian.Uint32(size[:]), 1<<16))
		if _, err := io.ReadFull(r, arg); err != nil {
			return string(b), err
		}
		b = append(append(b, size[:]...), arg...)
	}
	return string(b), nil
}

// Says answers with b and hangs up.
func Says(b []byte) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, _ <-chan struct{}) { _, _ = conn.Write(b) }
}

// Hangs answers with b and keeps the connection.
func Hangs(b []byte) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, closed <-chan struct{}) {
		_, _ = conn.Write(b)
		<-closed
	}
}
