// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	senders    = 8
	perRequest = 5
)

// load sends requests of all signals in the name of living tenants.
type load struct {
	addr   string
	reg    *churn
	client *http.Client

	mu     sync.Mutex
	counts map[string]int
}

func newLoad(addr string, reg *churn) *load {
	return &load{
		addr: addr, reg: reg, counts: map[string]int{},
		client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: senders}},
	}
}

// run sends rate requests a second until ctx ends.
func (l *load) run(ctx context.Context, rate int) {
	var work sync.WaitGroup
	for range senders {
		work.Go(func() {
			tick := time.NewTicker(time.Second * senders / time.Duration(rate))
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				l.send(ctx, tenant.Signal(n%3))
			}
		})
	}
	work.Wait()
	l.client.CloseIdleConnections()
}

func (l *load) send(ctx context.Context, signal tenant.Signal) {
	body, err := payload(signal)
	if err != nil {
		panic(err) // of our own making
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+l.addr+"/v1/"+signal.String(), bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer "+l.reg.pick())
	answer := "no answer"
	if resp, err := l.client.Do(req); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		answer = fmt.Sprint(resp.StatusCode)
	} else if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[answer]++
}

func payload(signal tenant.Signal) ([]byte, error) {
	switch signal {
	case tenant.Logs:
		ld := plog.NewLogs()
		records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for range perRequest {
			r := records.AppendEmpty()
			r.Body().SetStr("an order was paid")
			r.Attributes().PutInt("order", rand.Int64())
		}
		return plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	case tenant.Metrics:
		md := pmetric.NewMetrics()
		m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName("orders")
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta) // totals are kept for it
		for i := range perRequest {
			p := sum.DataPoints().AppendEmpty()
			p.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
			p.SetIntValue(1)
			p.Attributes().PutInt("shop", int64(i))
		}
		return pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	default:
		td := ptrace.NewTraces()
		spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
		for i := range perRequest {
			s := spans.AppendEmpty()
			s.SetName("pay")
			s.SetTraceID([16]byte{1})
			s.SetSpanID([8]byte{byte(i + 1)})
		}
		return ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	}
}

func (l *load) answers() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.counts)
}

// check returns why the run shows nothing. A tenant that went or is suspended a
// moment after it was picked is answered 401 or 403; a full lane 429.
func (l *load) check() error {
	var errs []error
	counts := l.answers()
	for answer, n := range counts {
		switch answer {
		case "200", "401", "403", "429":
		default:
			errs = append(errs, fmt.Errorf("%d requests: %s", n, answer))
		}
	}
	if counts["200"] == 0 {
		errs = append(errs, errors.New("no request was accepted"))
	}
	return errors.Join(errs...)
}
