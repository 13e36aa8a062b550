// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package recovery turns panics into errors where a component handles what others
// sent: a request, a batch, a registry. The caller rejects that one and goes on.
package recovery

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// logInterval is the least time between two logged panics: a request that
	// panics may come again and again, and each stack is kilobytes.
	logInterval = 10 * time.Second

	maxText = 500
)

// Error is a panic as an error. It does not hold the value of the panic, which may
// quote foreign data: the text reaches callers and dead letters.
type Error struct{}

// Error implements error.
func (*Error) Error() string { return "internal error: handling the data panicked" }

// GRPCStatus is the answer that receivers, and gRPC itself, give.
func (e *Error) GRPCStatus() *status.Status { return status.New(codes.Internal, e.Error()) }

// Is reports whether err comes from a panic.
func Is(err error) bool {
	if err == nil {
		return false // without the allocation that follows
	}
	var e *Error
	return errors.As(err, &e)
}

// Recoverer recovers from the panics of one component, counts and logs them. It is
// safe for concurrent use. A nil Recoverer recovers, and neither counts nor logs.
type Recoverer struct {
	logger *zap.Logger
	count  atomic.Int64
	logged atomic.Int64 // when, in nanoseconds since the start
	start  time.Time
}

// New returns a recoverer that logs to logger.
func New(logger *zap.Logger) *Recoverer {
	r := &Recoverer{logger: logger, start: time.Now()}
	r.logged.Store(-int64(logInterval))
	return r
}

// Count returns how many panics there were.
func (r *Recoverer) Count() int64 { return r.count.Load() }

// Catch sets *err if the function that defers it panics. Deferred calls below it
// have run by then, so it comes first in a function that holds a lock:
//
//	defer r.Catch("what the function does", &err)
func (r *Recoverer) Catch(doing string, err *error) {
	if v := recover(); v != nil {
		*err = r.note(doing, v)
	}
}

// Catch sets *err like a recoverer's Catch, without count and log. It is for packages
// that only parse, and leave it to their callers to report a fault.
func Catch(err *error) {
	if v := recover(); v != nil {
		*err = &Error{}
	}
}

// Run calls f. It is for work without a result, such as a step of a goroutine that
// must not end.
func (r *Recoverer) Run(doing string, f func()) (err error) {
	defer r.Catch(doing, &err)
	f()
	return nil
}

// note is called while the stack of the panic is still there.
func (r *Recoverer) note(doing string, v any) *Error {
	if r == nil {
		return &Error{}
	}
	n := r.count.Add(1)
	now, last := int64(time.Since(r.start)), r.logged.Load()
	if now-last >= int64(logInterval) && r.logged.CompareAndSwap(last, now) {
		r.logger.Error("Handling data panicked, which is a fault of the collector. The data was rejected or set aside, and processing continues. Please report it",
			zap.String("doing", doing), zap.String("panic", clip(fmt.Sprint(v))), zap.Int64("count", n), zap.ByteString("stack", debug.Stack()))
	}
	return &Error{}
}

// clip bounds what a panic quotes.
func clip(text string) string {
	if len(text) > maxText {
		return text[:maxText]
	}
	return text
}
