// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// slowBody is a body that arrives in pieces, each after a pause, and the writer whose deadline
// ends it. It runs on the clock of synctest.
type slowBody struct {
	http.ResponseWriter
	left, piece int
	here        int // unread bytes of the current piece
	pause       time.Duration
	deadline    time.Time
}

// SetReadDeadline is what http.ResponseController calls.
func (b *slowBody) SetReadDeadline(t time.Time) error {
	b.deadline = t
	return nil
}

// Read implements io.Reader.
func (b *slowBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if b.here == 0 {
		if next := time.Now().Add(b.pause); !b.deadline.IsZero() && next.After(b.deadline) {
			time.Sleep(time.Until(b.deadline))
			return 0, os.ErrDeadlineExceeded
		}
		time.Sleep(b.pause)
		b.here = min(b.piece, b.left)
	}
	n := min(len(p), b.here)
	b.here -= n
	b.left -= n
	return n, nil
}

// Close implements io.Closer.
func (*slowBody) Close() error { return nil }

// The bodies have different speeds, and most of them take long. A body that is too slow ends
// within a window with 408, never with 400.
func TestUpload_BoundsSpeedAndNotTime(t *testing.T) {
	const kib = 1 << 10
	for name, tt := range map[string]struct {
		size, piece int
		pause       time.Duration
		ends        time.Duration // 0: accepted
	}{
		"at once":                                {mib, mib, 0, 0},
		"8 KiB/s for half an hour":               {14 * mib, kib, time.Second / 8, 0},
		"5 KiB/s in one piece every two seconds": {4 * mib, 10 * kib, 2 * time.Second, 0},
		"exactly the minimum":                    {2 * mib, 4 * kib, time.Second, 0},
		"less than the minimum":                  {mib, 3 * kib, time.Second, 10 * time.Second},
		"10 B/s":                                 {100_000, 10, time.Second, 10 * time.Second},
		"one byte every nine seconds":            {1000, 1, 9 * time.Second, 10 * time.Second},
		"small and slow":                         {100, 10, time.Second / 2, 0},
		"silence":                                {1000, 1000, time.Hour, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := New(Settings{Memory: 64 * mib})
				r := admit(asTenant("a"), t, g)
				body := &slowBody{ResponseWriter: httptest.NewRecorder(), left: tt.size, piece: tt.piece, pause: tt.pause}
				req := httptest.NewRequest(http.MethodPost, "/", nil)
				req.Body, req.ContentLength = body, int64(tt.size)
				began := time.Now()
				data, err := r.ReadBody(body, req, BodyLimits{})
				if tt.ends == 0 {
					require.NoError(t, err)
					assert.Len(t, data, tt.size)
				} else {
					assert.Equal(t, rejection.Slow, reasonFor(t, err))
					assert.Equal(t, http.StatusRequestTimeout, rejection.From(err).HTTPStatus())
					assert.Equal(t, tt.ends, time.Since(began))
				}
				r.Release()
				assertNothingHeld(t, g)
			})
		})
	}
}

// The body stops after half of it has arrived.
func TestUpload_EndsAnUploadThatBecomesSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Settings{Memory: 64 * mib})
		r := admit(asTenant("a"), t, g)
		body := &slowBody{ResponseWriter: httptest.NewRecorder(), left: 2 * mib, piece: mib}
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.Body, req.ContentLength = &stopping{slowBody: body, after: mib}, 2*mib
		began := time.Now()
		_, err := r.ReadBody(body, req, BodyLimits{})
		assert.Equal(t, rejection.Slow, reasonFor(t, err))
		assert.Equal(t, 10*time.Second, time.Since(began))
		r.Release()
	})
}

// stopping never continues when after bytes are left.
type stopping struct {
	*slowBody
	after int
}

// Read implements io.Reader.
func (s *stopping) Read(p []byte) (int, error) {
	if s.left <= s.after {
		s.pause = time.Hour
	}
	return s.slowBody.Read(p)
}
