// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// mark begins the body of the record that identifies a request. A request's name is the mark and
// nameLen bytes.
const (
	mark    = "benchgateway-request-"
	nameLen = len("000.00000000")
)

// marked returns an export request with only a name. It can be appended to another request, because
// an OTLP request is one repeated field.
func marked(name string) []byte {
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(name)
	body, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		panic(err) // cannot fail for this message
	}
	return body
}

// arrivals is a backend that records when each expected request arrived.
type arrivals struct {
	url  string
	sink *sink // reads bodies

	mu   sync.Mutex
	sent map[string]time.Time // and not arrived yet
	here []arrival
	odd  int // names that are unknown or that arrived a second time
}

type arrival struct {
	sent  time.Time
	after time.Duration
}

func newArrivals() (*arrivals, error) {
	a := &arrivals{sent: make(map[string]time.Time), sink: &sink{}}
	if err := a.sink.serve(a); err != nil {
		return nil, err
	}
	a.url = a.sink.url
	return a, nil
}

func (a *arrivals) close() { a.sink.close() }

func (a *arrivals) expect(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent[name] = time.Now()
}

// ServeHTTP implements http.Handler.
func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := a.sink.body(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.note(body, time.Now())
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (a *arrivals) note(body []byte, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		i := bytes.Index(body, []byte(mark))
		if i < 0 || len(body) < i+len(mark)+nameLen {
			return
		}
		name := string(body[i : i+len(mark)+nameLen])
		body = body[i+len(name):]
		if at, ok := a.sent[name]; ok {
			delete(a.sent, name)
			a.here = append(a.here, arrival{sent: at, after: now.Sub(at)})
		} else {
			a.odd++
		}
	}
}

// wait returns all n arrivals, each once.
func (a *arrivals) wait(ctx context.Context, n int) ([]arrival, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, drainTimeout, errors.New("requests of unaffected tenants were not delivered"))
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		a.mu.Lock()
		here, odd := a.here, a.odd
		a.mu.Unlock()
		switch {
		case odd > 0:
			return nil, fmt.Errorf("%d requests were delivered twice", odd)
		case len(here) == n:
			return here, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d requests: %w", len(here), n, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
