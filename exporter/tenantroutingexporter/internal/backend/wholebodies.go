// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// headRoom is how much of a write buffer is for the head of a request.
const headRoom = 512

// wholeBodies passes bodies of at most max bytes on as one piece of memory. net/http writes them together
// with the head of the request, and other bodies on their own. A body is copied because those of Batches are
// in parts, and because instrumentation hides what they are.
type wholeBodies struct {
	base http.RoundTripper
	max  int64
}

// RoundTrip implements http.RoundTripper.
func (w *wholeBodies) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil || req.ContentLength <= 0 || req.ContentLength > w.max {
		return w.base.RoundTrip(req)
	}
	whole := make([]byte, req.ContentLength)
	_, err := io.ReadFull(req.Body, whole)
	if n, _ := req.Body.Read(make([]byte, 1)); err == nil && n > 0 {
		err = fmt.Errorf("the body is longer than its Content-Length of %d bytes", req.ContentLength)
	}
	if closeErr := req.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	out := new(http.Request)
	*out = *req
	// It is not used again: net/http may still write it when the answer has arrived.
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(whole)), nil }
	out.Body = io.NopCloser(bytes.NewReader(whole))
	return w.base.RoundTrip(out)
}
