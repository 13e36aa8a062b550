// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package rpc requests the list of processes from a PM2 daemon.
//
// The socket of a daemon gives full control over its processes, and its answer has their whole
// environment. Therefore this package can send one request only, keeps only the fields of
// [Process], and its errors contain nothing of the answer.
package rpc

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// maxSocketPath is the length that the path of a socket may have on Linux.
const maxSocketPath = 107

// Settings are those of a [Client].
type Settings struct {
	// Socket is the path of the daemon's RPC socket.
	Socket string
	// MaxReply is the size in bytes of the largest answer that is read.
	MaxReply int64
	// MaxProcesses bounds the processes that are kept of an answer.
	MaxProcesses int
}

// Client sends requests to one daemon. It keeps no connection between two calls, and is not
// safe for concurrent use.
type Client struct {
	set Settings
	// buf is for parts of the answer while it is read.
	buf [bufferSize]byte
}

// New returns a client. It does not connect.
func New(set Settings) *Client { return &Client{set: set} }

// Process is what is kept of a process.
type Process struct {
	// ID is PM2's number of the process.
	ID int64
	// Name is PM2's name of the application. It is valid UTF-8.
	Name   string
	Status Status
	// PID is 0 if the process does not run.
	PID int64
	// Started is when the process was last started, or zero.
	Started  time.Time
	Restarts int64
	// Unstable counts the consecutive restarts soon after a start.
	Unstable int64
	// Memory is in bytes. CPU is 1 for one CPU in full use. Both are 0 if PM2
	// could not measure them.
	Memory int64
	CPU    float64
	// Fork is set if PM2 runs the process in fork mode.
	Fork bool
	// Logs are the files that PM2 writes for the process.
	Logs Logs
}

// Logs are paths as PM2 lists them. They are valid UTF-8 or empty, and otherwise not checked.
type Logs struct {
	Out, Err string
	// Both is the file to which both streams are written in addition.
	Both string
}

// List is a list of processes, from an answer or saved.
type List struct {
	Processes []Process
	// More is how many processes there are that were not kept.
	More int
}

// Reasons for which there is no list. Their texts are the values of error.type.
var (
	// ErrAbsent: there is no socket, or no process listens on it.
	ErrAbsent = errors.New("absent")
	// ErrDenied: this process may not use the socket.
	ErrDenied = errors.New("denied")
	// ErrUnreachable: connecting failed for another reason.
	ErrUnreachable = errors.New("unreachable")
	// ErrTimeout: there was no answer in time.
	ErrTimeout = errors.New("timeout")
	// ErrClosed: the connection ended before the answer did.
	ErrClosed = errors.New("closed")
	// ErrMalformed: the answer is not that of a PM2 daemon.
	ErrMalformed = errors.New("malformed")
	// ErrTooLarge: the answer is larger than Settings.MaxReply.
	ErrTooLarge = errors.New("too_large")
	// ErrRefused: the daemon answered that it failed.
	ErrRefused = errors.New("refused")
)

// fault is an error with a text and a reason.
type fault struct {
	reason error
	text   string
}

func (f *fault) Error() string { return f.text }
func (f *fault) Unwrap() error { return f.reason }

// Reason returns which of the reasons err has, or nil.
func Reason(err error) error {
	var f *fault
	if errors.As(err, &f) {
		return f.reason
	}
	return nil
}

// Processes requests the list of processes. It returns when the answer was read or ctx ends.
func (c *Client) Processes(ctx context.Context) (List, error) {
	if len(c.set.Socket) > maxSocketPath {
		return List{}, &fault{ErrUnreachable, "cannot connect to PM2's socket: its path is too long for a socket"}
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", c.set.Socket)
	if err != nil {
		return List{}, dialFault(err)
	}
	defer conn.Close()
	// A deadline in the past ends a read or write that is blocked.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(request()); err != nil {
		return List{}, readFault(err)
	}
	// The buffer may contain secrets of the processes.
	defer clear(c.buf[:])
	return readReply(conn, c.buf[:], c.set)
}

func dialFault(err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &fault{ErrAbsent, "PM2's daemon is not running: there is no socket"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &fault{ErrAbsent, "PM2's daemon is not running: no process listens on its socket"}
	case errors.Is(err, fs.ErrPermission):
		return &fault{ErrDenied, "no permission to use PM2's socket"}
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.Canceled):
		return &fault{ErrTimeout, "PM2's daemon did not accept a connection in time"}
	}
	return &fault{ErrUnreachable, "cannot connect to PM2's socket: " + cause(err)}
}

// cause returns the innermost error of a failed connection. It contains nothing of an answer,
// because there was none.
func cause(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	return err.Error()
}

func readFault(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &fault{ErrTimeout, "PM2's daemon did not answer in time"}
	default:
		return &fault{ErrClosed, "PM2's daemon closed the connection before it answered"}
	}
}
