package guard

import (
	"net/http"
	"time"
)

// uploadWatch ends an upload that brings less than the minimum in a window of time.
// It moves the read deadline of the request, so that it needs no goroutine.
type uploadWatch struct {
	control *http.ResponseController
	window  time.Duration
	least   int64 // in a window
	now     func() time.Time
	last    time.Time // the server's own deadline; zero: none

	start time.Time // of the window
	got   int64     // in the window
	set   bool
}

func (r *Request) watchUpload(w http.ResponseWriter, req *http.Request) *uploadWatch {
	set := &r.guard.set
	if set.MinUploadRate < 0 {
		return nil
	}
	u := &uploadWatch{
		control: http.NewResponseController(w), window: set.UploadGrace, now: time.Now, start: time.Now(),
		least: int64(float64(set.MinUploadRate) * set.UploadGrace.Seconds()),
	}
	if server, ok := req.Context().Value(http.ServerContextKey).(*http.Server); ok && server.ReadTimeout > 0 {
		u.last = u.start.Add(server.ReadTimeout)
	}
	return u
}

// before sets the deadline of the next read, once a window.
func (u *uploadWatch) before() {
	if u == nil || u.set {
		return
	}
	u.set = true
	deadline := u.start.Add(u.window)
	if !u.last.IsZero() && u.last.Before(deadline) {
		deadline = u.last
	}
	// A writer that cannot do it is bounded by the time-outs of its server.
	_ = u.control.SetReadDeadline(deadline)
}

// after counts n bytes, and begins a new window when this one has enough.
func (u *uploadWatch) after(n int) {
	if u == nil {
		return
	}
	if u.got += int64(n); u.got >= u.least {
		u.start, u.got, u.set = u.now(), 0, false
	}
}

// end leaves the deadline as the server would have it after a body.
func (u *uploadWatch) end() {
	if u != nil {
		_ = u.control.SetReadDeadline(u.last)
	}
}
