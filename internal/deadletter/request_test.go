// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package deadletter_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func ignore(*deadletter.Report) {}

func TestRequest_IsTakenReportedAndRemoved(t *testing.T) {
	dir := t.TempDir()
	_, err := deadletter.RequestReplay(dir, deadletter.Filter{})
	require.ErrorIs(t, err, deadletter.ErrNoGateway)
	requests, err := deadletter.OpenRequestQueue(dir)
	require.NoError(t, err)
	require.NoError(t, deadletter.Check(dir), "it is a directory of dead letters")
	job, err := requests.Next(time.Now())
	require.NoError(t, err)
	assert.Nil(t, job)

	f := deadletter.Filter{Tenant: "a", Destination: "loki", Signal: "logs"}
	req, err := deadletter.RequestReplay(dir, f)
	require.NoError(t, err)
	report, err := req.Report()
	require.NoError(t, err)
	assert.Nil(t, report)
	job, err = requests.Next(time.Now())
	require.NoError(t, err)
	assert.Equal(t, f, job.Filter)
	assert.False(t, job.Withdrawn())
	require.NoError(t, job.Report(&deadletter.Report{Time: time.Unix(1, 0)}))
	done := &deadletter.Report{Time: time.Unix(2, 0).UTC(), Done: true, Groups: []deadletter.GroupReport{{Tenant: "a", Sent: 3}}}
	shown := 0
	report, err = req.Wait(t.Context(), time.Minute, time.Minute, func(r *deadletter.Report) {
		if shown++; !r.Done {
			require.NoError(t, job.Report(done))
		}
	})
	require.NoError(t, err)
	assert.Equal(t, 2, shown)
	assert.Equal(t, done, report)
	job, err = requests.Next(time.Now())
	require.NoError(t, err)
	assert.Nil(t, job, "what is done is not begun again")
	require.NoError(t, req.Close())
	entries, err := os.ReadDir(filepath.Join(dir, ".replay"))
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestRequest_NoGatewayAnswers(t *testing.T) {
	dir := t.TempDir()
	requests, err := deadletter.OpenRequestQueue(dir)
	require.NoError(t, err)
	req, err := deadletter.RequestReplay(dir, deadletter.Filter{})
	require.NoError(t, err)
	_, err = req.Wait(t.Context(), 0, time.Minute, ignore)
	require.ErrorContains(t, err, "no gateway has taken the request")
	job, err := requests.Next(time.Now())
	require.NoError(t, err)
	require.NoError(t, job.Report(&deadletter.Report{Time: time.Unix(1, 0), Groups: []deadletter.GroupReport{{Sent: 1}}}))
	report, err := req.Wait(t.Context(), time.Minute, 0, ignore)
	require.ErrorContains(t, err, "the gateway has not reported")
	assert.Equal(t, 1, report.Groups[0].Sent)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = req.Wait(ctx, time.Minute, time.Minute, ignore)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, req.Withdraw())
	assert.True(t, job.Withdrawn())
}

// A gateway that starts does not do what nobody waits for, and does not do more than was
// asked for.
func TestReplayRequests_Ignored(t *testing.T) {
	dir := t.TempDir()
	requests, err := deadletter.OpenRequestQueue(dir)
	require.NoError(t, err)
	folder := filepath.Join(dir, ".replay")
	put := func(name, text string, age time.Duration) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		at := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(path, at, at))
		return path
	}
	old := put("1.request", "{}", time.Hour)
	report := put("1.report", "{}", 2*time.Hour)
	half := put("1.request.tmp", "{", time.Second)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "2.request"), 0o700))
	unknown := put("3.request", `{"only_errors":true}`, 0)
	broken := put("4.request", `{`, 0)
	good := put("5.request", `{"tenant":"a"}`, 0)
	for _, path := range []string{unknown, broken} {
		_, err := requests.Next(time.Now())
		require.ErrorContains(t, err, "failed to parse a request to replay dead letters")
		assert.NoFileExists(t, path)
	}
	job, err := requests.Next(time.Now())
	require.NoError(t, err)
	assert.Equal(t, deadletter.Filter{Tenant: "a"}, job.Filter)
	for _, path := range []string{old, report} {
		assert.NoFileExists(t, path)
	}
	for _, path := range []string{half, good} {
		assert.FileExists(t, path)
	}
	large := put("0.request", string(make([]byte, 17<<20)), 0)
	_, err = requests.Next(time.Now())
	require.ErrorContains(t, err, "is not a file of at most")
	assert.NoFileExists(t, large)
}

func TestProto_OfEverySignal(t *testing.T) {
	ld := plog.NewLogs()
	lr := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.SetTraceID(pcommon.TraceID{1})
	lr.Body().SetEmptyBytes().FromRaw([]byte{0, 255})
	md := pmetric.NewMetrics()
	ms := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	ms.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1 << 62)
	ms.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(1e300)
	td := ptrace.NewTraces()
	td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetSpanID(pcommon.SpanID{9})
	for signal, c := range map[tenant.Signal]struct {
		json, proto func() ([]byte, error)
		records     int
	}{
		tenant.Logs:    {func() ([]byte, error) { return (&plog.JSONMarshaler{}).MarshalLogs(ld) }, func() ([]byte, error) { return (&plog.ProtoMarshaler{}).MarshalLogs(ld) }, 1},
		tenant.Metrics: {func() ([]byte, error) { return (&pmetric.JSONMarshaler{}).MarshalMetrics(md) }, func() ([]byte, error) { return (&pmetric.ProtoMarshaler{}).MarshalMetrics(md) }, 2},
		tenant.Traces:  {func() ([]byte, error) { return (&ptrace.JSONMarshaler{}).MarshalTraces(td) }, func() ([]byte, error) { return (&ptrace.ProtoMarshaler{}).MarshalTraces(td) }, 1},
	} {
		request, err := c.json()
		require.NoError(t, err)
		want, err := c.proto()
		require.NoError(t, err)
		got, records, err := deadletter.Proto(signal, request)
		require.NoError(t, err)
		assert.Equal(t, want, got, signal.String())
		assert.Equal(t, c.records, records)
		for _, bad := range []string{"", "{", "[]", `{"resourceLogs":[{"scopeLogs":7}],"resourceMetrics":1,"resourceSpans":"x"}`} {
			_, _, err := deadletter.Proto(signal, []byte(bad))
			assert.ErrorContains(t, err, "the dead letter is not OTLP JSON", "%s %q", signal, bad)
		}
	}
}
