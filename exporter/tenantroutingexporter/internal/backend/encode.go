package backend

import (
	"errors"
	"fmt"
	"io"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/wire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// request is an OTLP export request of any signal.
type request interface {
	UnmarshalProto([]byte) error
	MarshalProto() ([]byte, error)
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

// plainRequest returns an encoded request, compressed or not, as pdata writes one in
// protobuf, which is how it was accepted.
func plainRequest(signal tenant.Signal, p []byte) ([]byte, error) {
	p, err := compress.Expand(p)
	if err != nil {
		return nil, decodeError{fmt.Errorf("expanding queued %s: %w", signal, err)}
	}
	if otlpwire.Plain(signal, p) {
		return p, nil
	}
	r := newRequest(signal)
	if err = r.UnmarshalProto(p); err == nil {
		p, err = r.MarshalProto()
	}
	if err != nil {
		return nil, decodeError{fmt.Errorf("decoding queued %s: %w", signal, err)}
	}
	return p, nil
}

// decodeError says that a payload is not what was accepted once.
type decodeError struct{ err error }

func (e decodeError) Error() string { return e.err.Error() }
func (e decodeError) Unwrap() error { return e.err }

// Undecodable tells whether an error says that payloads are not what was accepted
// once. No later attempt helps them.
func Undecodable(err error) bool {
	return errors.As(err, new(decodeError)) || errors.Is(err, otlpwire.ErrNotPlain)
}

// undecodable is the result for such payloads.
func undecodable(err error) lane.Result {
	return lane.Result{Verdict: lane.Refused, Reason: "decode", Err: err}
}

const (
	// maxLine is up to which size a payload becomes one line, so that readers need not
	// hold a whole one.
	maxLine = 1 << 20
	// maxCut is how large a part of a payload may be for it to be cut, since that is
	// copied. A payload with a larger record becomes one line.
	maxCut = 4 << 20
)

// writeLines writes encoded requests as lines of OTLP JSON, one for each unless it is
// large.
func writeLines(w io.Writer, signal tenant.Signal, payloads [][]byte) error {
	return eachLine(signal, payloads, func(request []byte) error {
		if err := otlpwire.WriteJSON(w, signal, request); err != nil {
			return err
		}
		_, err := w.Write([]byte{'\n'})
		return err
	})
}

// eachLine calls yield with payloads in the form that otlpwire.WriteJSON needs. A large
// one is cut into several requests, which are in memory one after the other.
func eachLine(signal tenant.Signal, payloads [][]byte, yield func(request []byte) error) error {
	for _, p := range payloads {
		p, err := plainRequest(signal, p)
		if err != nil {
			return err
		}
		if len(p) <= maxLine {
			err = yield(p)
		} else {
			limits := wire.Limits{Piece: maxLine, Total: len(p) + len(p)/4}
			err = wire.CutEach(FormOf(signal), p, limits, maxCut, yield)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// FormOf returns where requests of a signal have their records.
func FormOf(signal tenant.Signal) wire.Form {
	if signal == tenant.Metrics {
		return wire.Points
	}
	return wire.Records
}
