// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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

// plainRequest decodes a payload, which is an encoded request, compressed or not.
func plainRequest(signal tenant.Signal, p []byte) ([]byte, error) {
	p, err := compress.Expand(p)
	if err != nil {
		return nil, decodeError{fmt.Errorf("failed to decompress queued %s: %w", signal, err)}
	}
	if otlpwire.Plain(signal, p) {
		return p, nil
	}
	r := newRequest(signal)
	if err = r.UnmarshalProto(p); err == nil {
		p, err = r.MarshalProto()
	}
	if err != nil {
		return nil, decodeError{fmt.Errorf("failed to decode queued %s: %w", signal, err)}
	}
	return p, nil
}

// decodeError is the error of a payload that does not match what was accepted.
type decodeError struct{ err error }

func (e decodeError) Error() string { return e.err.Error() }
func (e decodeError) Unwrap() error { return e.err }

// Undecodable reports whether err is the error of payloads that cannot be decoded. A later attempt fails too.
func Undecodable(err error) bool {
	return errors.As(err, new(decodeError)) || errors.Is(err, otlpwire.ErrNotPlain)
}

// undecodable is the result for such payloads.
func undecodable(err error) lane.Result {
	return lane.Result{Verdict: lane.Rejected, Reason: "decode", Err: err}
}

const (
	// maxLine is the largest payload that becomes one line, which bounds the memory of readers.
	maxLine = 1 << 20
	// maxCut is the largest part of a payload that is cut, because it is copied. A payload with a larger
	// record becomes one line.
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
