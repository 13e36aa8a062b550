// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"context"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/receiver/receiverhelper"

	"github.com/otelcol-tenant/otelcol-tenant/internal/direct"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// service is the OTLP service of one signal.
type service struct {
	signal tenant.Signal
	// name is the full name of the gRPC service.
	name string
	path func(*HTTPConfig) URLPath
	// records is what the records of the signal are called.
	records string
	// accepted is the answer to an accepted request. Nothing is ever accepted partly.
	accepted response
	// warning is the answer to an accepted request of which the sender should know
	// something. SDKs log it.
	warning func(text string) response
	// decode decodes a request that the guard has checked, and returns what hands it
	// to the next consumer.
	decode func(format, []byte) (exporter, error)
	// observe counts the records of a request by the result of consume.
	observe func(ctx context.Context, f format, records int, obs *receiverhelper.ObsReport, consume func(context.Context) error) error
	// direct is where requests go that need no decoding. nil: all are decoded.
	direct *direct.Path
}

// admit returns the admission of a request that may not need decoding, or why it must be
// decoded.
func (s *service) admit(ctx context.Context, f format) (_ direct.Admission, why string) {
	if s.direct == nil {
		return nil, whyOff
	}
	if f == formatJSON {
		return nil, whyJSON
	}
	a := s.direct.Admitter.Admit(ctx)
	if a == nil {
		return nil, whyNotAdmitted
	}
	return a, ""
}

// response is an answer of the protocol.
type response interface {
	MarshalProto() ([]byte, error)
	MarshalJSON() ([]byte, error)
}

// exporter hands decoded data to the next consumer. The helper counts a panic of it
// as a rejection.
type exporter func(context.Context, *intake) error

// nothing is the exporter of a request without records. It is accepted, as the
// specification wants it.
func nothing(context.Context, *intake) error { return nil }

func newLogs(next consumer.Logs) *service {
	return &service{
		signal:   tenant.Logs,
		name:     "opentelemetry.proto.collector.logs.v1.LogsService",
		path:     func(cfg *HTTPConfig) URLPath { return cfg.LogsURLPath },
		records:  "log records",
		accepted: plogotlp.NewExportResponse(),
		warning: func(text string) response {
			r := plogotlp.NewExportResponse()
			r.PartialSuccess().SetErrorMessage(text)
			return r
		},
		decode: func(f format, data []byte) (exporter, error) {
			logs, err := decodeLogs(f, data)
			if err != nil {
				return nil, err
			}
			count := logs.LogRecordCount()
			if count == 0 {
				return nothing, nil
			}
			return func(ctx context.Context, in *intake) error {
				return observeLogs(ctx, f, count, in.obs, func(ctx context.Context) error {
					return in.guard.Protect(in.protocol, func() error { return next.ConsumeLogs(ctx, logs) })
				})
			}, nil
		},
		observe: observeLogs,
	}
}

func newMetrics(next consumer.Metrics) *service {
	return &service{
		signal:   tenant.Metrics,
		name:     "opentelemetry.proto.collector.metrics.v1.MetricsService",
		path:     func(cfg *HTTPConfig) URLPath { return cfg.MetricsURLPath },
		records:  "data points",
		accepted: pmetricotlp.NewExportResponse(),
		warning: func(text string) response {
			r := pmetricotlp.NewExportResponse()
			r.PartialSuccess().SetErrorMessage(text)
			return r
		},
		decode: func(f format, data []byte) (exporter, error) {
			metrics, err := decodeMetrics(f, data)
			if err != nil {
				return nil, err
			}
			count := metrics.DataPointCount()
			if count == 0 {
				return nothing, nil
			}
			return func(ctx context.Context, in *intake) error {
				return observeMetrics(ctx, f, count, in.obs, func(ctx context.Context) error {
					return in.guard.Protect(in.protocol, func() error { return next.ConsumeMetrics(ctx, metrics) })
				})
			}, nil
		},
		observe: observeMetrics,
	}
}

func newTraces(next consumer.Traces) *service {
	return &service{
		signal:   tenant.Traces,
		name:     "opentelemetry.proto.collector.trace.v1.TraceService",
		path:     func(cfg *HTTPConfig) URLPath { return cfg.TracesURLPath },
		records:  "spans",
		accepted: ptraceotlp.NewExportResponse(),
		warning: func(text string) response {
			r := ptraceotlp.NewExportResponse()
			r.PartialSuccess().SetErrorMessage(text)
			return r
		},
		decode: func(f format, data []byte) (exporter, error) {
			traces, err := decodeTraces(f, data)
			if err != nil {
				return nil, err
			}
			count := traces.SpanCount()
			if count == 0 {
				return nothing, nil
			}
			return func(ctx context.Context, in *intake) error {
				return observeTraces(ctx, f, count, in.obs, func(ctx context.Context) error {
					return in.guard.Protect(in.protocol, func() error { return next.ConsumeTraces(ctx, traces) })
				})
			}, nil
		},
		observe: observeTraces,
	}
}

// decodeLogs decodes by the two ways of pdata that also read the fields of older
// versions of the protocol. Those beside them, UnmarshalJSON of the request and
// ProtoUnmarshaler, drop them.
func decodeLogs(f format, data []byte) (plog.Logs, error) {
	if f == formatJSON {
		return (&plog.JSONUnmarshaler{}).UnmarshalLogs(data)
	}
	request := plogotlp.NewExportRequest()
	err := request.UnmarshalProto(data)
	return request.Logs(), err
}

func decodeMetrics(f format, data []byte) (pmetric.Metrics, error) {
	if f == formatJSON {
		return (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(data)
	}
	request := pmetricotlp.NewExportRequest()
	err := request.UnmarshalProto(data)
	return request.Metrics(), err
}

func decodeTraces(f format, data []byte) (ptrace.Traces, error) {
	if f == formatJSON {
		return (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(data)
	}
	request := ptraceotlp.NewExportRequest()
	err := request.UnmarshalProto(data)
	return request.Traces(), err
}

func observeLogs(ctx context.Context, f format, records int, obs *receiverhelper.ObsReport, consume func(context.Context) error) error {
	ctx = obs.StartLogsOp(ctx)
	err := consume(ctx)
	obs.EndLogsOp(ctx, f.String(), records, err)
	return err
}

func observeMetrics(ctx context.Context, f format, records int, obs *receiverhelper.ObsReport, consume func(context.Context) error) error {
	ctx = obs.StartMetricsOp(ctx)
	err := consume(ctx)
	obs.EndMetricsOp(ctx, f.String(), records, err)
	return err
}

func observeTraces(ctx context.Context, f format, records int, obs *receiverhelper.ObsReport, consume func(context.Context) error) error {
	ctx = obs.StartTracesOp(ctx)
	err := consume(ctx)
	obs.EndTracesOp(ctx, f.String(), records, err)
	return err
}
