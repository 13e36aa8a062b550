// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/receiver/receiverhelper"

	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
)

// format is how a request is encoded.
type format uint8

const (
	formatProtobuf format = iota
	formatJSON
)

// String returns the name of the format in the receiver's own telemetry.
func (f format) String() string {
	if f == formatJSON {
		return "json"
	}
	return "protobuf"
}

// intake takes the requests of one protocol. It is safe for concurrent use.
type intake struct {
	protocol guard.Protocol
	guard    *guard.Guard
	obs      *receiverhelper.ObsReport
	panics   func(context.Context) // counts one
	ways     *ways
	// patience is how long the first byte of a body may take, and the rest of one that
	// is rejected.
	patience time.Duration
	services []*service
}

// accept takes one request: it asks the guard whether the sender may send, reads
// the message, asks the guard whether it may be decoded, and passes it on. unknown is
// [otlpwire.Counts].Unknown.
func (in *intake) accept(ctx context.Context, s *service, f format, read func(*guard.Request) ([]byte, error)) (unknown string, err error) {
	request, err := in.guard.Admit(ctx, s.signal)
	if err != nil {
		return "", err
	}
	defer request.Release()
	data, err := read(request)
	if err != nil {
		return "", err
	}
	encoded, counts, err := in.check(ctx, s, f, request, data)
	if err != nil {
		if counts.Records > 0 {
			_ = s.observe(ctx, f, counts.Records, in.obs, func(context.Context) error { return err })
		}
		return "", err
	}
	if encoded != nil {
		return "", in.forward(ctx, s, f, request, encoded)
	}
	if data, err = request.Readable(counts, data); err != nil {
		return "", err
	}
	export, err := s.decode(f, data)
	if err != nil {
		return "", request.Count(rejection.New(rejection.Malformed, fmt.Sprintf("the request is malformed: %v", err)))
	}
	request.Decoded()
	return counts.Unknown, export(request.Context(ctx), in)
}

// encodedRequest is a request that need not be decoded.
type encodedRequest struct {
	stamp.Encoded
	admission direct.Admission
}

// check checks a request before it is decoded. The result is nil if it must be.
func (in *intake) check(ctx context.Context, s *service, f format, request *guard.Request, data []byte) (*encodedRequest, otlpwire.Counts, error) {
	admission, why := s.admit(ctx, f)
	if admission == nil {
		counts, err := request.Check(f == formatJSON, data)
		if err == nil {
			in.ways.decoded(ctx, s.signal, why)
		}
		return nil, counts, err
	}
	e, stamped := &encodedRequest{admission: admission}, false
	counts, err := request.CheckStamped(data, func(limits otlpwire.Limits) (counts otlpwire.Counts, err error) {
		stamped = true
		e.Encoded, err = admission.Stamp(ctx, data, limits)
		return e.Counts, err
	})
	if err != nil {
		return nil, counts, err
	}
	if !stamped {
		in.ways.decoded(ctx, s.signal, whyMemory)
		return nil, counts, nil
	}
	if e.Slow != stamp.SlowNone {
		if err := request.ReserveDecoded(counts); err != nil {
			return nil, counts, err
		}
		in.ways.decoded(ctx, s.signal, e.Slow.String())
		return nil, counts, nil
	}
	if err := request.ReserveEncoded(len(e.Data)); err != nil {
		return nil, counts, err
	}
	if e.Delta || e.InvalidSpans { // destinations that do not accept them get a form that the exporter decodes
		if err := request.ReserveDecoded(counts); err != nil {
			return nil, counts, err
		}
	}
	in.ways.direct(ctx, s.signal)
	return e, counts, nil
}

// forward passes a request on that is not decoded.
func (in *intake) forward(ctx context.Context, s *service, f format, request *guard.Request, e *encodedRequest) error {
	records := e.Counts.Records
	if records == 0 {
		return nil // as decode has it
	}
	return s.observe(request.Context(ctx), f, records, in.obs, func(ctx context.Context) error {
		return in.guard.Protect(in.protocol, func() error {
			if err := request.CheckHeap(records); err != nil {
				return err
			}
			return e.admission.Forward(ctx, &e.Encoded, s.direct.Sink)
		})
	})
}

// answer returns the answer to a request that ended with err. It is asked once for
// each request that is not accepted.
func (in *intake) answer(ctx context.Context, err error) *rejection.Error {
	r := rejection.From(err)
	if r.Reason() == rejection.Panic {
		in.panics(ctx)
	}
	return r
}

// bodyLimits are the limits of a request of at most size bytes, before and after
// it is decompressed.
func bodyLimits(size int64) guard.BodyLimits {
	return guard.BodyLimits{MaxCompressed: size, MaxDecoded: size}
}
