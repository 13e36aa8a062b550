// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatasample"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// shortRecord is a log record with little more than its severity.
type shortRecord struct {
	name   string
	number plog.SeverityNumber
	text   string
	level  string // in an attribute
}

func shortRecords() []shortRecord {
	return []shortRecord{
		{name: "no severity"},
		{name: "number", number: 9},
		{name: "number with the longest word", number: 5},
		{name: "number and word", number: 9, text: "info"},
		{name: "number and shorter text", number: 9, text: "I"},
		{name: "number and text of the same length", number: 9, text: "INFO"},
		{name: "number and longer text", number: 9, text: "Information"},
		{name: "word", text: "warn"},
		{name: "text", text: "W"},
		{name: "longer text", text: "Information"},
		{name: "unknown text", text: "custom"},
		{name: "level in an attribute", level: "I"},
	}
}

func (s shortRecord) fill(r plog.LogRecord, body int) {
	r.SetSeverityNumber(s.number)
	r.SetSeverityText(s.text)
	r.Body().SetStr(strings.Repeat("x", body))
	if s.level != "" {
		r.Attributes().PutStr("level", s.level)
	}
}

// bodySize returns the size of the body with which an SDK writes a record of this size, or 0 if
// even a record without a text is larger.
func (s shortRecord) bodySize(record int) int {
	r := plog.NewLogRecord()
	s.fill(r, 0)
	const (
		header = 2 // in its scope
		ids    = 4 // empty IDs, which pdata writes and SDKs do not
	)
	return max(0, record-header+ids-(&plog.ProtoMarshaler{}).LogRecordSize(r))
}

// logs returns records of one resource.
func (s shortRecord) logs(records, body int) plog.Logs {
	ld := pdatasample.Logs(0, pdatasample.Resource)
	for range records {
		s.fill(ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().AppendEmpty(), body)
	}
	return ld
}

// resources returns records of one resource each, as collectors send them that read the logs of
// many pods.
func (s shortRecord) resources(records, body int) plog.Logs {
	ld := plog.NewLogs()
	for range records {
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", "checkout")
		rl.Resource().Attributes().PutStr("k8s.namespace.name", "shop")
		rl.Resource().Attributes().PutStr("k8s.pod.name", "checkout-6c9f7d5b8-x2x7k")
		s.fill(rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty(), body)
	}
	return ld
}

// Ordinary requests must never be slow, whatever their number of records, and however short
// those are.
func TestEncoded_OrdinaryRequestsAreFast(t *testing.T) {
	stamper := &Stamper{NormalizeSeverity: true}
	for _, signal := range tenant.AllSignals() {
		for _, records := range []int{0, 1, 2, 5, 10, 100, 1000, 20_000} {
			stamped(t, stamper, signal, sampleRequest(t, signal, records, pdatasample.Resource), acme(), SlowNone)
		}
	}
	fast := func(t *testing.T, records int, data []byte) {
		t.Helper()
		e, err := stamper.Encoded(tenant.Logs, data, acme(), otlpwire.Limits{})
		require.NoError(t, err)
		require.Equal(t, SlowNone.String(), e.Slow.String(), "%d records", records)
		require.Equal(t, records, e.Counts.Records)
	}
	for _, form := range shortRecords() {
		for _, size := range []int{10, 25, 53, 100} {
			t.Run(fmt.Sprintf("%s in %d bytes", form.name, size), func(t *testing.T) {
				body := form.bodySize(size)
				for _, records := range []int{1, 100} {
					stamped(t, stamper, tenant.Logs, encodeLogs(t, form.logs(records, body)), acme(), SlowNone)
					stamped(t, stamper, tenant.Logs, encodeLogs(t, form.resources(records, body)), acme(), SlowNone)
				}
				const many = 20_000
				data := encodeLogs(t, form.logs(many, body))
				fast(t, many, data)
				fast(t, many, asSDK(t, tenant.Logs, data))
			})
		}
		t.Run(form.name+" in many resources", func(t *testing.T) {
			const many = 8192
			data := encodeLogs(t, form.resources(many, form.bodySize(10)))
			fast(t, many, data)
			fast(t, many, asSDK(t, tenant.Logs, data))
			stamped(t, stamper, tenant.Logs, encodeLogs(t, form.logs(many, form.bodySize(53))), acme(), SlowNone)
		})
	}
}
