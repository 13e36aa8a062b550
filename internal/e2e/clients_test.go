// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

func port(addr string) string { return process.Port(addr) }

// clients send OTLP over both protocols, every second request over gRPC.
type clients struct {
	t    *testing.T
	conn *grpc.ClientConn
	http string
}

func newClients(t *testing.T, grpcAddr, httpAddr string) *clients {
	t.Helper()
	conn, err := grpc.NewClient(grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &clients{t: t, conn: conn, http: httpAddr}
}

// overGRPC reports whether request n uses gRPC.
func overGRPC(n int) bool { return n/3%2 == 0 }

// refusedCode is the status of request n if its key or header is wrong.
func refusedCode(n int) int {
	if overGRPC(n) {
		return int(codes.Unauthenticated)
	}
	return http.StatusUnauthorized
}

// send sends one request and returns 0 on success, otherwise the gRPC code or HTTP status.
func (c *clients) send(n int, headers map[string]string, data any) int {
	if !overGRPC(n) {
		var body []byte
		var err error
		signal := ""
		switch d := data.(type) {
		case plog.Logs:
			signal = "logs"
			body, err = plogotlp.NewExportRequestFromLogs(d).MarshalProto()
		case pmetric.Metrics:
			signal = "metrics"
			body, err = pmetricotlp.NewExportRequestFromMetrics(d).MarshalProto()
		case ptrace.Traces:
			signal = "traces"
			body, err = ptraceotlp.NewExportRequestFromTraces(d).MarshalProto()
		}
		require.NoError(c.t, err)
		if code, _ := postProto(c.t, c.http, signal, body, headers); code != http.StatusOK {
			return code
		}
		return 0
	}
	md := metadata.MD{}
	for k, v := range headers {
		md.Append(strings.ToLower(k), v)
	}
	ctx := metadata.NewOutgoingContext(context.Background(), md)
	var err error
	switch d := data.(type) {
	case plog.Logs:
		_, err = plogotlp.NewGRPCClient(c.conn).Export(ctx, plogotlp.NewExportRequestFromLogs(d))
	case pmetric.Metrics:
		_, err = pmetricotlp.NewGRPCClient(c.conn).Export(ctx, pmetricotlp.NewExportRequestFromMetrics(d))
	case ptrace.Traces:
		_, err = ptraceotlp.NewGRPCClient(c.conn).Export(ctx, ptraceotlp.NewExportRequestFromTraces(d))
	}
	return int(status.Code(err))
}

// payload returns n records that claim the tenant forged wherever a payload can.
func payload(signal tenant.Signal, n int, sender, forged string) any {
	forge := func(m pcommon.Map) { m.PutStr(tenant.AttributeKey, forged) }
	mark := func(m pcommon.Map) {
		forge(m)
		m.PutStr(origin, sender)
	}
	switch signal {
	case tenant.Logs:
		ld := plog.NewLogs()
		rl := ld.ResourceLogs().AppendEmpty()
		forge(rl.Resource().Attributes())
		sl := rl.ScopeLogs().AppendEmpty()
		forge(sl.Scope().Attributes())
		for range n {
			r := sl.LogRecords().AppendEmpty()
			r.Body().SetStr("hello")
			mark(r.Attributes())
		}
		return ld
	case tenant.Metrics:
		md := pmetric.NewMetrics()
		rm := md.ResourceMetrics().AppendEmpty()
		forge(rm.Resource().Attributes())
		sm := rm.ScopeMetrics().AppendEmpty()
		forge(sm.Scope().Attributes())
		m := sm.Metrics().AppendEmpty()
		m.SetName("requests")
		sum := m.SetEmptySum()
		for range n {
			p := sum.DataPoints().AppendEmpty()
			p.SetIntValue(1)
			mark(p.Attributes())
		}
		return md
	default:
		td := ptrace.NewTraces()
		rs := td.ResourceSpans().AppendEmpty()
		forge(rs.Resource().Attributes())
		ss := rs.ScopeSpans().AppendEmpty()
		forge(ss.Scope().Attributes())
		for range n {
			s := ss.Spans().AppendEmpty()
			s.SetName("request")
			s.SetTraceID([16]byte{1})
			s.SetSpanID([8]byte{1})
			mark(s.Attributes())
		}
		return td
	}
}
