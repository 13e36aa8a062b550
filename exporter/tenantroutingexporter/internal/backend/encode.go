package backend

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/wire"
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

// maxLine is up to which size a payload becomes one line. JSON is up to six times as
// large, and exists twice for a moment.
const maxLine = 1 << 20

// appendLines appends encoded requests as lines of OTLP JSON, one for each unless it is
// large.
func appendLines(dst []byte, signal tenant.Signal, payloads [][]byte) ([]byte, error) {
	err := eachLine(signal, payloads, func(line []byte) error {
		if dst == nil {
			dst = line[:len(line):cap(line)] // it is nobody else's: a large one is not copied
			dst = append(dst, '\n')
			return nil
		}
		dst = append(append(dst, line...), '\n')
		return nil
	})
	return dst, err
}

// eachLine calls yield with payloads in JSON. A large one is cut into several requests.
func eachLine(signal tenant.Signal, payloads [][]byte, yield func(line []byte) error) error {
	for _, p := range payloads {
		p, err := compress.Expand(p)
		if err != nil {
			return fmt.Errorf("expanding queued %s: %w", signal, err)
		}
		pieces := [][]byte{p}
		if len(p) > maxLine {
			pieces = cutLines(signal, p)
		}
		for _, piece := range pieces {
			line, err := encodeJSON(signal, [][]byte{piece})
			if err != nil {
				return err
			}
			if err := yield(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// cutLines cuts a payload, or returns it whole where that would repeat too much of it.
func cutLines(signal tenant.Signal, p []byte) (pieces [][]byte) {
	cut, err := wire.Cut(FormOf(signal), p, wire.Limits{Piece: maxLine, Total: len(p) + len(p)/4})
	if err != nil || len(cut) == 0 {
		return [][]byte{p}
	}
	for _, c := range cut {
		pieces = append(pieces, c.Data)
	}
	return pieces
}

// FormOf returns where requests of a signal have their records.
func FormOf(signal tenant.Signal) wire.Form {
	if signal == tenant.Metrics {
		return wire.Points
	}
	return wire.Records
}
