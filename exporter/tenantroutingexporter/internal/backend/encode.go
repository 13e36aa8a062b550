package backend

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// request is an OTLP export request of any signal.
type request interface {
	UnmarshalProto([]byte) error
	MarshalJSON() ([]byte, error)
}

func newRequest(signal tenant.Signal) request {
	switch signal {
	case tenant.Metrics:
		return pmetricotlp.NewExportRequest()
	case tenant.Traces:
		return ptraceotlp.NewExportRequest()
	}
	return plogotlp.NewExportRequest()
}

// encodeJSON returns encoded requests, compressed or not, as one in JSON.
func encodeJSON(signal tenant.Signal, payloads [][]byte) ([]byte, error) {
	payloads, err := compress.ExpandAll(payloads)
	if err != nil {
		return nil, fmt.Errorf("expanding queued %s: %w", signal, err)
	}
	merged := payloads[0]
	if len(payloads) > 1 {
		size := 0
		for _, p := range payloads {
			size += len(p)
		}
		merged = make([]byte, 0, size)
		for _, p := range payloads {
			merged = append(merged, p...)
		}
	}
	r := newRequest(signal)
	if err := r.UnmarshalProto(merged); err != nil {
		return nil, fmt.Errorf("decoding queued %s: %w", signal, err)
	}
	data, err := r.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encoding %s as JSON: %w", signal, err)
	}
	return data, nil
}

// undecodable is the result for payloads that are not what was accepted once.
func undecodable(err error) lane.Result {
	return lane.Result{Verdict: lane.Refused, Reason: "decode", Err: err}
}

// appendLines appends each encoded request as one line of OTLP JSON.
func appendLines(dst []byte, signal tenant.Signal, payloads [][]byte) ([]byte, error) {
	for _, p := range payloads {
		line, err := encodeJSON(signal, [][]byte{p})
		if err != nil {
			return dst, err
		}
		dst = append(append(dst, line...), '\n')
	}
	return dst, nil
}
