// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// nested is a value of this depth: arrays, maps or both in turn.
func nested(v pcommon.Value, depth int, form string) {
	for i := range depth {
		if form == "arrays" || form == "both" && i%2 == 0 {
			v = v.SetEmptySlice().AppendEmpty()
		} else {
			v = v.SetEmptyMap().PutEmpty("k")
		}
	}
	v.SetStr("end")
}

// places has a function for each place where a request has a value.
func places() map[string]func(fill func(pcommon.Value)) (tenant.Signal, any) {
	attribute := func(m pcommon.Map, fill func(pcommon.Value)) { fill(m.PutEmpty("a")) }
	logs := func(set func(plog.ResourceLogs, func(pcommon.Value))) func(func(pcommon.Value)) (tenant.Signal, any) {
		return func(fill func(pcommon.Value)) (tenant.Signal, any) {
			ld := plog.NewLogs()
			set(ld.ResourceLogs().AppendEmpty(), fill)
			return tenant.Logs, ld
		}
	}
	metrics := func(set func(pmetric.Metric, func(pcommon.Value))) func(func(pcommon.Value)) (tenant.Signal, any) {
		return func(fill func(pcommon.Value)) (tenant.Signal, any) {
			md := pmetric.NewMetrics()
			set(md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty(), fill)
			return tenant.Metrics, md
		}
	}
	spans := func(set func(ptrace.Span, func(pcommon.Value))) func(func(pcommon.Value)) (tenant.Signal, any) {
		return func(fill func(pcommon.Value)) (tenant.Signal, any) {
			td := ptrace.NewTraces()
			set(td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty(), fill)
			return tenant.Traces, td
		}
	}
	type fill = func(pcommon.Value)
	return map[string]func(fill) (tenant.Signal, any){
		"resource": logs(func(rl plog.ResourceLogs, f fill) { attribute(rl.Resource().Attributes(), f) }),
		"scope":    logs(func(rl plog.ResourceLogs, f fill) { attribute(rl.ScopeLogs().AppendEmpty().Scope().Attributes(), f) }),
		"record": logs(func(rl plog.ResourceLogs, f fill) {
			attribute(rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Attributes(), f)
		}),
		"body":     logs(func(rl plog.ResourceLogs, f fill) { f(rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body()) }),
		"metadata": metrics(func(m pmetric.Metric, f fill) { attribute(m.Metadata(), f) }),
		"gauge": metrics(func(m pmetric.Metric, f fill) {
			attribute(m.SetEmptyGauge().DataPoints().AppendEmpty().Attributes(), f)
		}),
		"sum": metrics(func(m pmetric.Metric, f fill) { attribute(m.SetEmptySum().DataPoints().AppendEmpty().Attributes(), f) }),
		"histogram": metrics(func(m pmetric.Metric, f fill) {
			attribute(m.SetEmptyHistogram().DataPoints().AppendEmpty().Attributes(), f)
		}),
		"exponential histogram": metrics(func(m pmetric.Metric, f fill) {
			attribute(m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Attributes(), f)
		}),
		"summary": metrics(func(m pmetric.Metric, f fill) {
			attribute(m.SetEmptySummary().DataPoints().AppendEmpty().Attributes(), f)
		}),
		"gauge exemplar": metrics(func(m pmetric.Metric, f fill) {
			attribute(m.SetEmptyGauge().DataPoints().AppendEmpty().Exemplars().AppendEmpty().FilteredAttributes(), f)
		}),
		"histogram exemplar": metrics(func(m pmetric.Metric, f fill) {
			attribute(m.SetEmptyHistogram().DataPoints().AppendEmpty().Exemplars().AppendEmpty().FilteredAttributes(), f)
		}),
		"exponential exemplar": metrics(func(m pmetric.Metric, f fill) {
			attribute(m.SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Exemplars().AppendEmpty().FilteredAttributes(), f)
		}),
		"span":  spans(func(s ptrace.Span, f fill) { attribute(s.Attributes(), f) }),
		"event": spans(func(s ptrace.Span, f fill) { attribute(s.Events().AppendEmpty().Attributes(), f) }),
		"link":  spans(func(s ptrace.Span, f fill) { attribute(s.Links().AppendEmpty().Attributes(), f) }),
	}
}

func encode(t *testing.T, data any, json bool) []byte {
	t.Helper()
	var (
		out []byte
		err error
	)
	switch d := data.(type) {
	case plog.Logs:
		var m plog.Marshaler = &plog.ProtoMarshaler{}
		if json {
			m = &plog.JSONMarshaler{}
		}
		out, err = m.MarshalLogs(d)
	case pmetric.Metrics:
		var m pmetric.Marshaler = &pmetric.ProtoMarshaler{}
		if json {
			m = &pmetric.JSONMarshaler{}
		}
		out, err = m.MarshalMetrics(d)
	case ptrace.Traces:
		var m ptrace.Marshaler = &ptrace.ProtoMarshaler{}
		if json {
			m = &ptrace.JSONMarshaler{}
		}
		out, err = m.MarshalTraces(d)
	}
	require.NoError(t, err)
	return out
}

func requireReason(t *testing.T, reason Reason, err error) *Error {
	t.Helper()
	var rejected *Error
	require.ErrorAs(t, err, &rejected)
	require.Equal(t, reason, rejected.Reason)
	return rejected
}

// TestDepth nests values at each place, in both encodings.
func TestDepth(t *testing.T) {
	for place, build := range places() {
		for _, form := range []string{"arrays", "maps", "both"} {
			for _, json := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/json=%v", place, form, json), func(t *testing.T) {
					for _, depth := range []int{0, 1, 64, 65} {
						signal, data := build(func(v pcommon.Value) { nested(v, depth, form) })
						counts, err := check(signal, json, encode(t, data, json), Limits{Depth: 64})
						if depth > 64 {
							assert.EqualValues(t, 64, requireReason(t, ReasonDepth, err).Limit)
							continue
						}
						require.NoError(t, err)
						assert.Equal(t, depth, counts.Depth)
					}
				})
			}
		}
	}
}

// deepProto nests arrays in a body, deepJSON does the same.
func deepProto(depth int) []byte {
	const perLevel = 14
	buf := make([]byte, depth*perLevel+64)
	pos := len(buf)
	put := func(number int) {
		head := lenField(number)
		head = append(head[:len(head)-1], uvarint(len(buf)-pos)...)
		pos -= copy(buf[pos-len(head):], head)
	}
	for range depth {
		put(1)
		put(5)
	}
	for _, number := range []int{5, 2, 2, 1} {
		put(number)
	}
	return buf[pos:]
}

func deepJSON(depth int) []byte {
	return []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + strings.Repeat(`{"arrayValue":{"values":[`, depth) +
		`{}` + strings.Repeat(`]}}`, depth) + `}]}]}]}`)
}

// TestDepthWithoutLimit goes to where the recursion is bounded in any case, and
// far beyond.
func TestDepthWithoutLimit(t *testing.T) {
	for json, build := range map[bool]func(int) []byte{false: deepProto, true: deepJSON} {
		data := build(maxDepth)
		counts, err := check(tenant.Logs, json, data, Limits{})
		require.NoError(t, err)
		assert.Equal(t, maxDepth, counts.Depth)
		require.NoError(t, unmarshal(tenant.Logs, json, data))
		for _, depth := range []int{maxDepth + 1, 1_250_000} {
			for _, limits := range []Limits{{}, {Depth: 20_000}} {
				_, err = check(tenant.Logs, json, build(depth), limits)
				assert.EqualValues(t, maxDepth, requireReason(t, ReasonDepth, err).Limit)
			}
		}
	}
}

// TestDepthOfUnknownFields nests what the schema does not know. In protobuf pdata
// does not look into it.
func TestDepthOfUnknownFields(t *testing.T) {
	unknown := func(before string, depth int, after string) []byte {
		return []byte(before + strings.Repeat("[", depth/2) + strings.Repeat(`{"":`, depth-depth/2) + "0" +
			strings.Repeat("}", depth-depth/2) + strings.Repeat("]", depth/2) + after)
	}
	const top, topEnd = `{"resourceProfiles":`, `}`
	const deep, deepEnd = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"arrayValue":{"values":[{"mapValue":`, `}]}}}]}]}]}`
	for _, c := range []struct {
		data   []byte
		limit  int
		reason Reason
	}{
		{unknown(top, 256, topEnd), 64, ""},
		{unknown(top, 257, topEnd), 64, ReasonDepth},
		{unknown(deep, 252, deepEnd), 64, ""},
		{unknown(deep, 253, deepEnd), 64, ReasonDepth},
		{unknown(top, maxSkipDepth, topEnd), 0, ""},
		{unknown(top, maxSkipDepth+1, topEnd), 0, ReasonDepth},
		{unknown(top, 2_000_000, topEnd), 0, ReasonDepth},
		{unknown(top, 2_000_000, topEnd), 64, ReasonDepth},
	} {
		_, err := CheckJSON(tenant.Logs, c.data, Limits{Depth: c.limit})
		if c.reason == "" {
			require.NoError(t, err)
			require.NoError(t, unmarshal(tenant.Logs, true, c.data))
		} else {
			_ = requireReason(t, c.reason, err)
		}
	}
	groups := bytes.Repeat([]byte{0x7b}, 2_000_000)
	_, err := CheckProto(tenant.Logs, groups, Limits{})
	_ = requireReason(t, ReasonMalformed, err)
}

// TestLimits shows that each shape that costs memory is stopped where it exceeds
// a limit, not at its end.
func TestLimits(t *testing.T) {
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			data := a.build(10_000)
			whole, err := check(a.signal, a.json(), data, Limits{})
			require.NoError(t, err)
			for reason, limits := range map[Reason]Limits{
				ReasonElements: {Elements: whole.Elements / 2},
				ReasonMemory:   {Memory: whole.Memory / 2},
			} {
				if whole.Elements < 10_000 && reason == ReasonElements || whole.Memory < 10_000 {
					continue // the shape does not cost any
				}
				counts, err := check(a.signal, a.json(), data, limits)
				rejected := requireReason(t, reason, err)
				if reason == ReasonElements || !strings.Contains(a.name, "packed") && !strings.Contains(a.name, "bounds") {
					assert.Less(t, rejected.Offset, len(data)*9/10)
				}
				assert.Less(t, counts.Elements, whole.Elements+1)
				assert.LessOrEqual(t, counts.Memory, whole.Memory)
			}
		})
	}
}

// TestAllocations shows that a check allocates nothing that depends on the
// request.
func TestAllocations(t *testing.T) {
	cases := map[string]func() error{}
	for _, signal := range tenant.AllSignals() {
		for _, json := range []bool{false, true} {
			data := sample(t, signal, json, 100)
			cases[fmt.Sprintf("%s/json=%v", signal, json)] = func() error {
				_, err := check(signal, json, data, Limits{})
				return err
			}
		}
	}
	for _, a := range attacks() {
		data := a.build(1000)
		cases[a.name] = func() error {
			_, err := check(a.signal, a.json(), data, Limits{})
			return err
		}
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, f())
			assert.Zero(t, testing.AllocsPerRun(10, func() { _ = f() }))
		})
	}
}

// TestErrorText shows that an error names the rule and the limit.
func TestErrorText(t *testing.T) {
	const secret = "secret"
	body := func(s string) string {
		return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + s + `}]}]}]}`
	}
	for _, c := range []struct {
		data   string
		limits Limits
		want   string
	}{
		{body(`{"kvlistValue":{"values":[{"key":"secret","value":{"arrayValue":{}}}]}}`), Limits{Depth: 1}, "the request nests values deeper than 1 levels"},
		{body(`{"stringValue":"secret"}`), Limits{Elements: 2}, "the request has more than 2 elements (resources, records, attributes, values and the like)"},
		{body(`{"stringValue":"secret"}`), Limits{Memory: 300}, "the request needs more than 300 bytes of memory when it is decoded"},
		{`{} "secret"`, Limits{}, "the JSON document ends before byte 3, but other data follows"},
		{body(`{"intValue":"secret"}`), Limits{}, "the request is malformed at byte 66: a number is out of range"},
		{`{"secret":secret}`, Limits{}, "the request is malformed at byte 10: it is not JSON"},
	} {
		_, err := CheckJSON(tenant.Logs, []byte(c.data), c.limits)
		require.EqualError(t, err, c.want)
		assert.NotContains(t, err.Error(), secret)
	}
}
