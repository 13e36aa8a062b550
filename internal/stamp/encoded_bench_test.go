// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatasample"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// benchRequest returns n records as SDKs send them. Log records have about 300 bytes.
func benchRequest(b *testing.B, signal tenant.Signal, n int) []byte {
	if signal != tenant.Logs {
		return asSDK(b, signal, sampleRequest(b, signal, n, pdatasample.Resource))
	}
	ld := pdatasample.Logs(0, pdatasample.Resource)
	trace, span := pdatasample.IDs()
	for i := range n {
		r := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().AppendEmpty()
		r.SetTimestamp(pdatasample.Time + pcommon.Timestamp(i)) //nolint:gosec // not negative
		r.SetObservedTimestamp(pdatasample.Time)
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.SetSeverityText("INFO")
		r.Body().SetStr("GET /api/v1/orders/12345 took 37 ms, answered with 200 " + strings.Repeat("x", 45))
		r.SetTraceID(trace)
		r.SetSpanID(span)
		r.Attributes().PutStr("http.method", "GET")
		r.Attributes().PutStr("http.route", "/api/v1/orders/{id}")
		r.Attributes().PutInt("http.status_code", 200)
		r.Attributes().PutDouble("duration", 0.0374)
	}
	return asSDK(b, signal, encodeLogs(b, ld))
}

// BenchmarkEncoded compares the stamping of encoded requests with decoding, stamping and
// encoding them, and with the check that both begin with.
func BenchmarkEncoded(b *testing.B) {
	limits := otlpwire.Limits{Depth: 64, Elements: 1 << 20, Memory: 1 << 30}
	for _, c := range []struct {
		signal  tenant.Signal
		records int
	}{{tenant.Logs, 1}, {tenant.Logs, 100}, {tenant.Traces, 1000}, {tenant.Metrics, 1000}} {
		data := benchRequest(b, c.signal, c.records)
		stamper := &Stamper{NormalizeSeverity: true}
		owner := acme()
		run := func(what string, f func()) {
			b.Run(fmt.Sprintf("%s/%d/%s", c.signal, c.records, what), func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
		run("check", func() {
			_, err := otlpwire.CheckProto(c.signal, data, limits)
			require.NoError(b, err)
		})
		run("encoded", func() {
			e, err := stamper.Encoded(c.signal, data, owner, limits)
			require.NoError(b, err)
			require.NotNil(b, e.Data)
		})
		run("decoded", func() {
			_, err := otlpwire.CheckProto(c.signal, data, limits)
			require.NoError(b, err)
			decodeAndStamp(b, stamper, c.signal, data, owner)
		})
	}
}

// BenchmarkEncoded_Dense stamps 4 MB of what needs the most edits for its size. B/op is all
// that is allocated, the result included.
func BenchmarkEncoded_Dense(b *testing.B) {
	const size = 4 << 20
	inScope := func(record []byte) []byte { return inside(bytes.Repeat(field(2, record), size/(2+len(record))), 1, 2) }
	information := join(varintField(2, 9), textField(3, "Information"))
	for _, c := range []struct {
		name string
		data []byte
		want Slow
	}{
		{"empty resources", bytes.Repeat(field(1), size/2), SlowMany},
		{"resources with an empty record", bytes.Repeat(inside(nil, 1, 2, 2), size/6), SlowMany},
		{"records that are a number", inScope(varintField(2, 9)), SlowMany},
		{"records of 17 bytes", inScope(information), SlowNone},
		{"records of 53 bytes", inScope(join(information, inside(make([]byte, 32), 5, 1))), SlowNone},
		{"records of 103 bytes", inScope(join(information, inside(make([]byte, 82), 5, 1))), SlowNone},
	} {
		b.Run(c.name, func(b *testing.B) {
			stamper := &Stamper{NormalizeSeverity: true}
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			for b.Loop() {
				e, err := stamper.Encoded(tenant.Logs, c.data, acme(), otlpwire.Limits{})
				require.NoError(b, err)
				require.Equal(b, c.want.String(), e.Slow.String())
			}
		})
	}
}
