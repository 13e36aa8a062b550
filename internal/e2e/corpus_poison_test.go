// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const recorded = `
    destinations:
      recorder: {otlp_http: {endpoint: "%s", compression: none}}
    routes: {logs: [recorder], metrics: [recorder], traces: [recorder]}
    lane: {batch: {timeout: 300ms}} # so that requests are merged
    retry: {initial_interval: 50ms}
`

// together posts all requests concurrently, so that the gateway merges them, and requires
// that each is accepted.
func together(r *rig, id string, requests []any) {
	r.t.Helper()
	answers := make([]string, len(requests))
	var work sync.WaitGroup
	for i, data := range requests {
		work.Go(func() {
			if status, text := r.try(id, data); status != 200 {
				answers[i] = fmt.Sprintf("request %d: %d %s", i, status, text)
			}
		})
	}
	work.Wait()
	require.Empty(r.t, slices.DeleteFunc(answers, func(s string) bool { return s == "" }))
}

// TestCorpus_PoisonAmongMerged sends requests that the gateway merges to a backend that
// rejects a whole request for one bad record. Only the bad records become dead letters,
// wherever they are, in every signal.
func TestCorpus_PoisonAmongMerged(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string][]int{
		"first": {0}, "last": {30}, "two": {3, 28}, "neighbors": {14, 15}, "many": {1, 2, 5, 9, 17, 26}, "none": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRecorder(t)
			s.refuse = func(body []byte) bool { return bytes.Contains(body, []byte("poison")) }
			r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
			g := r.run()
			var requests []any
			var good, dead []string
			for i := range 31 {
				text := fmt.Sprintf("good %02d", i)
				if slices.Contains(bad, i) {
					text = fmt.Sprintf("poison %02d", i)
					dead = append(dead, text)
				} else {
					good = append(good, text)
				}
				requests = append(requests, logOf(text), spanOf(text), metricOf(text))
			}
			together(r, "acme", requests)
			r.drained()

			assert.ElementsMatch(t, good, s.bodies())
			assert.ElementsMatch(t, good, s.spanNames())
			assert.ElementsMatch(t, good, s.metricNames())
			letters := r.dead("acme")
			for _, signal := range []string{"logs", "metrics", "traces"} {
				assert.ElementsMatch(t, dead, letters["recorder "+signal], signal)
			}
			sum := r.total()
			assert.Equal(t, 3*len(dead), sum.deadLettered)
			assert.Equal(t, 3*len(good), sum.delivered)
			assert.Zero(t, sum.dropped)
			g.stop()
		})
	}
}

// TestCorpus_PoisonInsideRequest has one bad record in the middle of a request.
func TestCorpus_PoisonInsideRequest(t *testing.T) {
	t.Parallel()
	s := newRecorder(t)
	s.refuse = func(body []byte) bool { return bytes.Contains(body, []byte("poison")) }
	r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
	g := r.run()
	ld := plog.NewLogs()
	var good []string
	for range 3 {
		records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for range 9 {
			text := fmt.Sprintf("good %02d", len(good))
			records.AppendEmpty().Body().SetStr(text)
			good = append(good, text)
		}
	}
	ld.ResourceLogs().At(1).ScopeLogs().At(0).LogRecords().AppendEmpty().Body().SetStr("poison")
	r.post("acme", ld)
	r.drained()
	assert.ElementsMatch(t, good, s.bodies())
	assert.Equal(t, map[string][]string{"recorder logs": {"poison"}}, r.dead("acme"))
	g.stop()
}

func logOf(text string) plog.Logs {
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(text)
	return ld
}

func spanOf(name string) ptrace.Traces {
	td := ptrace.NewTraces()
	s := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetName(name)
	s.SetTraceID([16]byte{1})
	s.SetSpanID([8]byte{1})
	return td
}

func metricOf(name string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	return md
}

// TestCorpus_InvalidUTF8 has text that is not UTF-8 in every place that contains text, in
// requests that are merged with valid ones. The backend rejects a request with any of it,
// as protobuf servers do. Everything arrives, and the text is valid.
func TestCorpus_InvalidUTF8(t *testing.T) {
	t.Parallel()
	// Each is invalid in a different way: a lone lead byte, a lone continuation byte, an
	// overlong form, a surrogate, a code point that is too large, a truncated sequence.
	invalid := []string{"\xc3Zq!", "\x80Zq!", "\xc0\xafZq!", "\xed\xa0\x80Zq!", "\xf5\x80\x80\x80Zq!", "\xe2\x82Zq!"}
	s := newRecorder(t)
	s.refuse = func(body []byte) bool {
		return slices.ContainsFunc(invalid, func(text string) bool { return bytes.Contains(body, []byte(text)) })
	}
	r := newRig(t, fmt.Sprintf(recorded, s.url), "acme")
	g := r.run()
	var requests []any
	for i, text := range invalid {
		for _, put := range placesInLogs() {
			ld := logOf("log")
			put(ld, text)
			requests = append(requests, ld)
		}
		for _, put := range placesInSpans() {
			td := spanOf("span")
			put(td, text)
			requests = append(requests, td)
		}
		for _, put := range placesInMetrics() {
			md := metricOf("metric")
			put(md, text)
			requests = append(requests, md)
		}
		requests = append(requests, logOf(fmt.Sprintf("good %d", i)), spanOf(fmt.Sprintf("good %d", i)), metricOf(fmt.Sprintf("good %d", i)))
	}
	together(r, "acme", requests)
	r.drained()
	assert.Len(t, s.bodies(), len(invalid)*(1+len(placesInLogs())))
	assert.Len(t, s.spanNames(), len(invalid)*(1+len(placesInSpans())))
	assert.Len(t, s.metricNames(), len(invalid)*(1+len(placesInMetrics())))
	assert.Empty(t, r.dead("acme"))
	assert.Zero(t, s.refused)
	repaired := 0
	for _, body := range s.bodies() {
		if strings.Contains(body, "\uFFFD") && strings.HasSuffix(body, "Zq!") {
			repaired++
		}
	}
	assert.Equal(t, len(invalid), repaired, "bodies")
	g.stop()
}

func placesInLogs() []func(plog.Logs, string) {
	resource := func(ld plog.Logs) plog.ResourceLogs { return ld.ResourceLogs().At(0) }
	scope := func(ld plog.Logs) plog.ScopeLogs { return resource(ld).ScopeLogs().At(0) }
	record := func(ld plog.Logs) plog.LogRecord { return scope(ld).LogRecords().At(0) }
	return []func(plog.Logs, string){
		func(ld plog.Logs, s string) { record(ld).Body().SetStr("a" + s) },
		func(ld plog.Logs, s string) { record(ld).Attributes().PutStr("key", s) },
		func(ld plog.Logs, s string) { record(ld).Attributes().PutStr(s, "value") },
		func(ld plog.Logs, s string) {
			record(ld).Attributes().PutEmptyMap("map").PutEmptySlice("list").AppendEmpty().SetEmptyMap().PutStr("deep "+s, s)
		},
		func(ld plog.Logs, s string) { record(ld).SetSeverityText(s) },
		func(ld plog.Logs, s string) { record(ld).SetEventName(s) },
		func(ld plog.Logs, s string) { scope(ld).Scope().SetName(s) },
		func(ld plog.Logs, s string) { scope(ld).Scope().SetVersion(s) },
		func(ld plog.Logs, s string) { scope(ld).Scope().Attributes().PutStr("key", s) },
		func(ld plog.Logs, s string) { scope(ld).SetSchemaUrl(s) },
		func(ld plog.Logs, s string) { resource(ld).SetSchemaUrl(s) },
		func(ld plog.Logs, s string) { resource(ld).Resource().Attributes().PutStr("key", s) },
		func(ld plog.Logs, s string) { resource(ld).Resource().Attributes().PutStr(s, "value") },
	}
}

func placesInSpans() []func(ptrace.Traces, string) {
	resource := func(td ptrace.Traces) ptrace.ResourceSpans { return td.ResourceSpans().At(0) }
	scope := func(td ptrace.Traces) ptrace.ScopeSpans { return resource(td).ScopeSpans().At(0) }
	span := func(td ptrace.Traces) ptrace.Span { return scope(td).Spans().At(0) }
	return []func(ptrace.Traces, string){
		func(td ptrace.Traces, s string) { span(td).SetName(s) },
		func(td ptrace.Traces, s string) { span(td).TraceState().FromRaw(s) },
		func(td ptrace.Traces, s string) { span(td).Status().SetMessage(s) },
		func(td ptrace.Traces, s string) { span(td).Attributes().PutStr("key", s) },
		func(td ptrace.Traces, s string) { span(td).Attributes().PutStr(s, "value") },
		func(td ptrace.Traces, s string) { span(td).Events().AppendEmpty().SetName(s) },
		func(td ptrace.Traces, s string) { span(td).Events().AppendEmpty().Attributes().PutStr("key", s) },
		func(td ptrace.Traces, s string) { span(td).Links().AppendEmpty().TraceState().FromRaw(s) },
		func(td ptrace.Traces, s string) { span(td).Links().AppendEmpty().Attributes().PutStr("key", s) },
		func(td ptrace.Traces, s string) { scope(td).Scope().SetName(s) },
		func(td ptrace.Traces, s string) { resource(td).Resource().Attributes().PutStr("key", s) },
		func(td ptrace.Traces, s string) { resource(td).SetSchemaUrl(s) },
	}
}

func placesInMetrics() []func(pmetric.Metrics, string) {
	resource := func(md pmetric.Metrics) pmetric.ResourceMetrics { return md.ResourceMetrics().At(0) }
	scope := func(md pmetric.Metrics) pmetric.ScopeMetrics { return resource(md).ScopeMetrics().At(0) }
	metric := func(md pmetric.Metrics) pmetric.Metric { return scope(md).Metrics().At(0) }
	return []func(pmetric.Metrics, string){
		func(md pmetric.Metrics, s string) { metric(md).SetName(s) },
		func(md pmetric.Metrics, s string) { metric(md).SetUnit(s) },
		func(md pmetric.Metrics, s string) { metric(md).SetDescription(s) },
		func(md pmetric.Metrics, s string) { metric(md).Metadata().PutStr("key", s) },
		func(md pmetric.Metrics, s string) {
			metric(md).Gauge().DataPoints().At(0).Attributes().PutStr("key", s)
		},
		func(md pmetric.Metrics, s string) {
			metric(md).Gauge().DataPoints().At(0).Exemplars().AppendEmpty().FilteredAttributes().PutStr("key", s)
		},
		func(md pmetric.Metrics, s string) {
			p := metric(md).SetEmptySum().DataPoints().AppendEmpty()
			p.SetIntValue(1)
			p.Attributes().PutStr(s, "value")
		},
		func(md pmetric.Metrics, s string) {
			metric(md).SetEmptyHistogram().DataPoints().AppendEmpty().Attributes().PutStr("key", s)
		},
		func(md pmetric.Metrics, s string) {
			metric(md).SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Attributes().PutStr("key", s)
		},
		func(md pmetric.Metrics, s string) {
			metric(md).SetEmptySummary().DataPoints().AppendEmpty().Attributes().PutStr("key", s)
		},
		func(md pmetric.Metrics, s string) { scope(md).Scope().SetVersion(s) },
		func(md pmetric.Metrics, s string) { resource(md).Resource().Attributes().PutStr("key", s) },
	}
}

// eventually waits long enough for a heavily loaded machine.
func eventually(t *testing.T, condition func() bool, what string) {
	t.Helper()
	require.Eventually(t, condition, time.Minute, 50*time.Millisecond, what)
}
