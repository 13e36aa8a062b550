// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestPartialSuccess_OfEverySignal(t *testing.T) {
	logs, metrics, traces := plogotlp.NewExportResponse(), pmetricotlp.NewExportResponse(), ptraceotlp.NewExportResponse()
	logs.PartialSuccess().SetRejectedLogRecords(1)
	metrics.PartialSuccess().SetRejectedDataPoints(2)
	traces.PartialSuccess().SetRejectedSpans(3)
	for signal, response := range map[tenant.Signal]interface {
		MarshalProto() ([]byte, error)
		MarshalJSON() ([]byte, error)
	}{tenant.Logs: logs, tenant.Metrics: metrics, tenant.Traces: traces} {
		want := map[tenant.Signal]int64{tenant.Logs: 1, tenant.Metrics: 2, tenant.Traces: 3}[signal]
		body, err := response.MarshalProto()
		require.NoError(t, err)
		for _, contentType := range []string{"application/x-protobuf", "application/protobuf", "application/x-protobuf; charset=utf-8"} {
			rejected, ok, err := partialSuccess(signal, body, contentType)
			assert.True(t, ok)
			assert.ErrorContains(t, err, "rejected: no reason given")
			assert.Equal(t, want, rejected, "%s as %s", signal, contentType)
		}
		body, err = response.MarshalJSON()
		require.NoError(t, err)
		rejected, ok, err := partialSuccess(signal, body, "application/json")
		assert.True(t, ok)
		assert.Error(t, err)
		assert.Equal(t, want, rejected, "%s in JSON", signal)

		rejected, ok, err = partialSuccess(signal, body, "text/plain")
		assert.False(t, ok)
		assert.NoError(t, err, "what does not say that it is OTLP is not read")
		assert.Zero(t, rejected)
	}
}

// The count of a backend is used if it is possible.
func TestPartialSuccess_ImpossibleCounts(t *testing.T) {
	const records = 5
	for count, want := range map[int64]lane.Result{
		0:                 {Reason: "partial_success"},
		1:                 {Reason: "partial_success", Rejected: 1},
		records:           {Reason: "partial_success", Rejected: records},
		records + 1:       {Reason: "invalid_count", Rejected: records, Unexpected: true},
		1 << 31:           {Reason: "invalid_count", Rejected: records, Unexpected: true},
		math.MaxInt64:     {Reason: "invalid_count", Rejected: records, Unexpected: true},
		-1:                {Reason: "invalid_count", Unexpected: true},
		math.MinInt64:     {Reason: "invalid_count", Unexpected: true},
		math.MinInt64 + 1: {Reason: "invalid_count", Unexpected: true},
	} {
		for _, soft := range []bool{false, true} {
			logs, metrics, traces := plogotlp.NewExportResponse(), pmetricotlp.NewExportResponse(), ptraceotlp.NewExportResponse()
			logs.PartialSuccess().SetRejectedLogRecords(count)
			logs.PartialSuccess().SetErrorMessage("why")
			metrics.PartialSuccess().SetRejectedDataPoints(count)
			metrics.PartialSuccess().SetErrorMessage("why")
			traces.PartialSuccess().SetRejectedSpans(count)
			traces.PartialSuccess().SetErrorMessage("why")
			for signal, response := range map[tenant.Signal]interface{ MarshalProto() ([]byte, error) }{tenant.Logs: logs, tenant.Metrics: metrics, tenant.Traces: traces} {
				body, err := response.MarshalProto()
				require.NoError(t, err)
				got := (&Profile{SoftErrors: soft}).accepted(signal, records, body, true, contentTypeProto, "")
				require.ErrorContains(t, got.Err, "why")
				require.ErrorContains(t, got.Err, strconv.FormatInt(count, 10))
				got.Err = nil
				want := want
				if soft && count <= 0 {
					want.Verdict = lane.Rejected
				}
				assert.Equal(t, want, got, "%d of %s", count, signal)
			}
		}
	}
}
