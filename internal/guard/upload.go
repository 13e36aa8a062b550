// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"net/http"
	"time"
)

// uploadDeadline ends an upload that brings less than a minimum in a window of time. It moves
// the read deadline of the request, so it needs no goroutine. A nil uploadDeadline does
// nothing.
type uploadDeadline struct {
	control *http.ResponseController
	window  time.Duration
	minimum int64 // bytes in a window
	now     func() time.Time
	server  time.Time // deadline of the server's ReadTimeout; zero: none

	start    time.Time // of the window
	received int64     // bytes in the window
	set      bool      // the deadline of the window is set
}

// newUploadDeadline returns the deadlines for the body of req, or nil if there is no minimum.
func (r *Request) newUploadDeadline(w http.ResponseWriter, req *http.Request) *uploadDeadline {
	set := &r.guard.set
	if set.MinUploadRate < 0 {
		return nil
	}
	u := &uploadDeadline{
		control: http.NewResponseController(w), window: set.UploadGrace, now: time.Now, start: time.Now(),
		minimum: int64(float64(set.MinUploadRate) * set.UploadGrace.Seconds()),
	}
	if server, ok := req.Context().Value(http.ServerContextKey).(*http.Server); ok && server.ReadTimeout > 0 {
		u.server = u.start.Add(server.ReadTimeout)
	}
	return u
}

// before sets the read deadline at the start of a window. It must be called before each read.
func (u *uploadDeadline) before() {
	if u == nil || u.set {
		return
	}
	u.set = true
	deadline := u.start.Add(u.window)
	if !u.server.IsZero() && u.server.Before(deadline) {
		deadline = u.server
	}
	// If the writer does not support deadlines, the timeouts of its server bound the upload.
	_ = u.control.SetReadDeadline(deadline)
}

// after counts n received bytes, and starts a new window when this one has the minimum.
func (u *uploadDeadline) after(n int) {
	if u == nil {
		return
	}
	if u.received += int64(n); u.received >= u.minimum {
		u.start, u.received, u.set = u.now(), 0, false
	}
}

// end restores the deadline of the server.
func (u *uploadDeadline) end() {
	if u != nil {
		_ = u.control.SetReadDeadline(u.server)
	}
}
