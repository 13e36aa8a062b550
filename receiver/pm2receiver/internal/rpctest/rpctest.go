// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package rpctest provides a server for tests that answers like a PM2 daemon, or in any other
// way.
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

// RequestID is the ID of the requests that Answer answers.
const RequestID = "s:otelcol:1"

// Message returns a message with arguments.
func Message(args ...string) []byte {
	b := []byte{1<<4 | byte(len(args))}
	for _, arg := range args {
		b = binary.BigEndian.AppendUint32(b, uint32(len(arg))) //nolint:gosec // of a test
		b = append(b, arg...)
	}
	return b
}

// Answer returns the message of an answer in JSON.
func Answer(json string) []byte { return Message("j:"+json, RequestID) }

// Daemon is a server on a socket.
type Daemon struct {
	// Home is the folder of the socket. Its path is short enough for a socket.
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

// Home creates a folder for a daemon that is started later. It is removed after the test.
func Home(t testing.TB) string {
	home, err := os.MkdirTemp("", "pm2") //nolint:usetesting // the test's folder is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(home)) })
	return home
}

// Start starts a daemon in home. It runs until Stop or the end of the test.
func Start(t testing.TB, home string, answer func(conn net.Conn, closed <-chan struct{})) *Daemon {
	d := &Daemon{Home: home, Socket: filepath.Join(home, "rpc.sock"), t: t, answer: answer, closed: make(chan struct{})}
	var err error
	d.listener, err = net.Listen("unix", d.Socket)
	require.NoError(t, err)
	d.wg.Go(d.serve)
	t.Cleanup(d.Stop)
	return d
}

// Stop stops the daemon and removes its socket. It may be called more than once.
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

// Requests returns the requests so far, each as far as it was read.
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

// readMessage returns one message unchanged.
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

// Says answers with b and closes the connection.
func Says(b []byte) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, _ <-chan struct{}) { _, _ = conn.Write(b) }
}

// Hangs answers with b and keeps the connection open.
func Hangs(b []byte) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, closed <-chan struct{}) {
		_, _ = conn.Write(b)
		<-closed
	}
}
