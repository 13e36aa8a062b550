// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

const recordsPerRequest = 100

// maxRefused is how many answers 429 and 503 in a row fail the run.
const maxRefused = 20_000

// bodies is the number of different requests. Merged requests must not be copies of each other,
// because they would compress far better than in production.
const bodies = 64

func payloads() [][]byte {
	list := make([][]byte, bodies)
	for i := range list {
		list[i] = payload(rand.New(rand.NewPCG(1, uint64(i)))) //nolint:gosec // every run must send the same data
	}
	return list
}

// payload returns an export request with log records of a web service.
func payload(rnd *rand.Rand) []byte {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	for k, v := range map[string]string{
		"service.name": "orders-api", "service.version": "4.17.2", "deployment.environment": "production",
		"host.name": "vm-12", "telemetry.sdk.language": "nodejs", "telemetry.sdk.name": "opentelemetry",
	} {
		rl.Resource().Attributes().PutStr(k, v)
	}
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("orders")
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	severities := []string{"INFO", "INFO", "INFO", "WARN", "ERROR"}
	for i := range recordsPerRequest {
		r := sl.LogRecords().AppendEmpty()
		at := pcommon.NewTimestampFromTime(began.Add(time.Duration(i) * 7 * time.Millisecond))
		r.SetTimestamp(at)
		r.SetObservedTimestamp(at)
		r.SetSeverityText(severities[i%len(severities)])
		r.Body().SetStr(fmt.Sprintf("order %d of customer %d was placed with %d items", 100_000+rnd.IntN(900_000), rnd.IntN(50_000), 1+rnd.IntN(9)))
		var trace [16]byte
		binary.BigEndian.PutUint64(trace[:8], rnd.Uint64())
		binary.BigEndian.PutUint64(trace[8:], rnd.Uint64())
		r.SetTraceID(trace)
		r.SetSpanID([8]byte(trace[4:12]))
		a := r.Attributes()
		a.PutStr("http.request.method", "POST")
		a.PutStr("url.path", fmt.Sprintf("/api/v1/orders/%d", rnd.IntN(900_000)))
		a.PutInt("http.response.status_code", int64(200+i%3))
		a.PutDouble("duration_ms", rnd.ExpFloat64()*40)
	}
	body, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		panic(err) // cannot fail for this message
	}
	return body
}

// load sends requests to a gateway.
type load struct {
	url       string
	bodies    [][]byte
	customers []customer
	workers   int
	client    *http.Client
	refused   atomic.Int64 // answers 429 and 503; the request is then repeated
}

func newLoad(endpoint string, bodies [][]byte, list []customer, workers int) *load {
	return &load{
		url: "http://" + endpoint + "/v1/logs", bodies: bodies, customers: list, workers: workers,
		client: &http.Client{Transport: &http.Transport{MaxIdleConns: workers, MaxIdleConnsPerHost: workers}, Timeout: time.Minute},
	}
}

// send sends n requests with the tenants' keys in round-robin order.
func (l *load) send(ctx context.Context, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var work sync.WaitGroup
	for range l.workers {
		work.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := l.one(ctx, l.customers[i%int64(len(l.customers))], l.bodies[i%int64(len(l.bodies))]); err != nil {
					cancel(err)
				}
			}
		})
	}
	work.Wait()
	return context.Cause(ctx)
}

func (l *load) one(ctx context.Context, c customer, body []byte) error {
	for {
		status, answer, err := l.post(ctx, c, body)
		switch {
		case err != nil:
			return err
		case status == http.StatusOK:
			return nil
		case status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable:
			return fmt.Errorf("a request of %s failed with status %d: %q", c.ID, status, answer)
		}
		if l.refused.Add(1) > maxRefused {
			return fmt.Errorf("requests of %s fail repeatedly with status %d: %q", c.ID, status, answer)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (l *load) post(ctx context.Context, c customer, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+c.Key)
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}
