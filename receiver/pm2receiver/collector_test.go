// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpctest"
)

// asker is a receiver of metrics in a test, and all that gets out of it.
type asker struct {
	t    *testing.T
	cfg  *Config
	sink consumertest.MetricsSink
	logs *observer.ObservedLogs
	tel  *componenttest.Telemetry
	set  receiver.Settings
}

func newAsker(t *testing.T, home string) *asker {
	a := &asker{t: t, cfg: testConfig(home), tel: componenttest.NewTelemetry()}
	t.Cleanup(func() { require.NoError(t, a.tel.Shutdown(context.Background())) })
	a.cfg.Metrics.Enabled, a.cfg.Metrics.CollectionInterval = true, 10*time.Millisecond
	core, logs := observer.New(zap.DebugLevel)
	a.logs = logs
	a.set = receivertest.NewNopSettings(metadata.Type)
	a.set.TelemetrySettings = a.tel.NewTelemetrySettings()
	a.set.Logger = zap.New(core)
	return a
}

func (a *asker) start(next consumer.Metrics) receiver.Metrics {
	a.t.Helper()
	r, err := NewFactory().CreateMetrics(a.t.Context(), a.set, a.cfg, next)
	require.NoError(a.t, err)
	require.NoError(a.t, r.Start(a.t.Context(), componenttest.NewNopHost()))
	return r
}

func (a *asker) eventually(condition func() bool) {
	a.t.Helper()
	require.Eventually(a.t, condition, 30*time.Second, 5*time.Millisecond)
}

// failures returns how many collections have failed for a reason.
func (a *asker) failures(reason string) (n int64) {
	m, err := a.tel.GetMetric("otelcol_receiver_pm2_failed_collections")
	if err != nil {
		return 0
	}
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		if v, _ := p.Attributes.Value(attribute.Key("reason")); v.AsString() == reason {
			n += p.Value
		}
	}
	return n
}

// out returns everything that got out: metrics, and logs with their errors.
func (a *asker) out() string {
	var text strings.Builder
	for _, md := range a.sink.AllMetrics() {
		raw, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
		require.NoError(a.t, err)
		text.Write(raw)
	}
	for _, entry := range a.logs.All() {
		fmt.Fprintln(&text, entry.Message, entry.ContextMap())
	}
	m, err := a.tel.GetMetric("otelcol_receiver_pm2_failed_collections")
	if err == nil {
		fmt.Fprintf(&text, "%+v", m)
	}
	return text.String()
}

// points returns the values of a metrics batch by resource, metric and state.
func points(md pmetric.Metrics) map[string]float64 {
	out := map[string]float64{}
	for _, rm := range md.ResourceMetrics().All() {
		id, _ := rm.Resource().Attributes().Get("pm2.process.id")
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			all := m.Sum().DataPoints
			if m.Type() == pmetric.MetricTypeGauge {
				all = m.Gauge().DataPoints
			}
			for _, p := range all().All() {
				key := id.AsString() + " " + m.Name()
				if state, ok := p.Attributes().Get("pm2.process.state"); ok {
					key += " " + state.Str()
				}
				out[key] = p.DoubleValue() + float64(p.IntValue())
			}
		}
	}
	return out
}

func reply(t *testing.T) string {
	raw, err := os.ReadFile("internal/rpc/testdata/getMonitorData.json")
	require.NoError(t, err)
	return string(raw)
}

func TestMetrics_MatchTheProcessList(t *testing.T) {
	started := time.Now().Add(-time.Hour)
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Says(rpctest.Answer(fmt.Sprintf(`{"args":[[
		{"pid":77,"name":"web","pm_id":0,"monit":{"memory":1048576,"cpu":150.5},"pm2_env":{"status":"online","restart_time":3,"unstable_restarts":1,"pm_uptime":%d}},
		{"pid":78,"name":"web","pm_id":1,"monit":{"memory":0,"cpu":0},"pm2_env":{"status":"waiting restart","restart_time":9,"unstable_restarts":2,"pm_uptime":%d}},
		{"pid":79,"name":"new","pm_id":2,"monit":{"memory":0,"cpu":0},"pm2_env":{"status":"online","pm_uptime":%d}},
		{"pid":0,"name":"old","pm_id":3,"pm2_env":{"status":"on fire"}}]]}`,
		started.UnixMilli(), started.UnixMilli(), time.Now().Add(time.Hour).UnixMilli()))))
	a := newAsker(t, d.Home)
	r := a.start(&a.sink)
	a.eventually(func() bool { return len(a.sink.AllMetrics()) >= 2 })
	require.NoError(t, r.Shutdown(t.Context()))
	got := points(a.sink.AllMetrics()[1])
	assert.InDelta(t, 3600, got["0 pm2.process.uptime"], 60)
	delete(got, "0 pm2.process.uptime")
	want := map[string]float64{
		"0 pm2.process.restarts": 3, "0 pm2.process.unstable_restarts": 1, "0 pm2.process.memory.usage": 1048576, "0 pm2.process.cpu.utilization": 1.505,
		"1 pm2.process.restarts": 9, "1 pm2.process.unstable_restarts": 2,
		"2 pm2.process.restarts": 0, "2 pm2.process.unstable_restarts": 0, "2 pm2.process.uptime": 0,
		"3 pm2.process.restarts": 0, "3 pm2.process.unstable_restarts": 0,
	}
	for id, state := range []string{"online", "waiting_restart", "online", "unknown"} {
		for _, s := range states {
			want[fmt.Sprintf("%d pm2.process.status %s", id, s.state)] = 0
		}
		want[fmt.Sprintf("%d pm2.process.status %s", id, state)] = 1
	}
	assert.Equal(t, want, got)
	for _, request := range d.Requests() {
		assert.Equal(t, string(rpctest.Message(`j:{"type":"call","method":"getMonitorData","args":[{}]}`, rpctest.RequestID)), request)
	}
	assert.Empty(t, a.logs.FilterLevelExact(zap.WarnLevel).All())
}

func TestMetrics_HaveTheResourceOfTheLogs(t *testing.T) {
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Says(rpctest.Answer(reply(t))))
	write(t, filepath.Join(d.Home, "logs", "web-out.log"), strings.NewReplacer("shop", "web", `"process_id":3`, `"process_id":1`).Replace(wrapped("one", "out")))
	write(t, filepath.Join(d.Home, "pm2.log"), "2026-11-21T02:08:34: PM2 log: App [web:1] online\n")
	a := newAsker(t, d.Home)
	logs := new(consumertest.LogsSink)
	// One receiver of the configuration, in two pipelines.
	l := start(t, a.cfg, a.set, componenttest.NewNopHost(), logs)
	m := a.start(&a.sink)
	a.eventually(func() bool { return logs.LogRecordCount() == 2 && len(a.sink.AllMetrics()) > 0 })
	require.NoError(t, m.Shutdown(t.Context()))
	require.NoError(t, l.Shutdown(t.Context()))

	want := a.sink.AllMetrics()[0].ResourceMetrics().At(1).Resource().Attributes().AsRaw()
	assert.Len(t, want, 3)
	for _, ld := range logs.AllLogs() {
		assert.Equal(t, want, ld.ResourceLogs().At(0).Resource().Attributes().AsRaw())
	}
}

func TestMetrics_CanBeDisabledOneByOne(t *testing.T) {
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Says(rpctest.Answer(reply(t))))
	a := newAsker(t, d.Home)
	a.cfg.Metrics.Each.Pm2ProcessStatus.Enabled = false
	r := a.start(&a.sink)
	a.eventually(func() bool { return len(a.sink.AllMetrics()) > 0 })
	require.NoError(t, r.Shutdown(t.Context()))
	for name := range points(a.sink.AllMetrics()[0]) {
		assert.NotContains(t, name, "status")
	}
}

func TestMetrics_DisabledSendNoRequest(t *testing.T) {
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Says(rpctest.Answer(reply(t))))
	a := newAsker(t, d.Home)
	a.cfg.Metrics.Enabled = false
	r := a.start(&a.sink)
	require.NoError(t, r.Shutdown(t.Context()))
	d.Stop()
	assert.Empty(t, d.Requests())
	assert.Equal(t, 1, a.logs.FilterMessageSnippet(`"metrics::enabled" is false`).Len())
}

func TestMetrics_WaitForADaemonThatIsAbsentStaleOrRestarting(t *testing.T) {
	home := rpctest.Home(t)
	a := newAsker(t, home)
	r := a.start(&a.sink)
	a.eventually(func() bool { return a.failures("absent") >= 3 })

	// What a daemon leaves that was killed.
	stale, err := net.Listen("unix", filepath.Join(home, "rpc.sock"))
	require.NoError(t, err)
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())
	before := a.failures("absent")
	a.eventually(func() bool { return a.failures("absent") >= before+3 })
	require.NoError(t, os.Remove(filepath.Join(home, "rpc.sock")))

	for range 2 {
		d := rpctest.Start(t, home, rpctest.Says(rpctest.Answer(reply(t))))
		got := len(a.sink.AllMetrics())
		a.eventually(func() bool { return len(a.sink.AllMetrics()) >= got+2 })
		d.Stop()
		before = a.failures("absent")
		a.eventually(func() bool { return a.failures("absent") >= before+2 })
	}
	require.NoError(t, r.Shutdown(t.Context()))
	warnings := a.logs.FilterLevelExact(zap.WarnLevel).FilterMessage("Failed to collect metrics of PM2's processes; will retry")
	absent := 0
	for _, w := range warnings.All() {
		if strings.Contains(fmt.Sprint(w.ContextMap()["error"]), "not running") {
			absent++
		}
	}
	assert.Equal(t, 1, absent, "%v", warnings.All())
	assert.NotZero(t, a.logs.FilterMessage("Metrics of PM2's processes are collected again").Len())
}

// secret is in the environment of every process of these answers.
const secret = "s3cr3t"

func TestMetrics_ContainNothingOfTheEnvironment(t *testing.T) {
	process := `{"pid":77,"name":"web","pm_id":0,"monit":{"memory":1,"cpu":1},"pm2_env":{"status":"` + secret + `","TOKEN":"` + secret +
		`","restart_time":"` + secret + `","` + secret + `":1,"pm_uptime":"` + secret + `","env":{"TOKEN":"` + secret + `"},"axm_monitor":{"` + secret + `":{"value":"` + secret + `"}}}}`
	whole := `{"args":[[` + process + `]]}`
	answers := map[string][]byte{"whole": rpctest.Answer(whole), "error": rpctest.Answer(`{"error":"` + secret + `","stack":"` + secret + `"}`)}
	for at := 2; at < len(whole); at += 23 {
		answers[fmt.Sprintf("cut at %d", at)] = rpctest.Answer(whole[:at])
		answers[fmt.Sprintf("ends at %d", at)] = rpctest.Answer(whole)[:at]
		answers[fmt.Sprintf("quote at %d", at)] = rpctest.Answer(whole[:at] + `"` + whole[at:])
		answers[fmt.Sprintf("control at %d", at)] = rpctest.Answer(whole[:at] + "\x01" + whole[at:])
		answers[fmt.Sprintf("secret at %d", at)] = rpctest.Answer(whole[:at] + secret + whole[at:])
	}
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Says(nil))
	a := newAsker(t, d.Home)
	for name, answer := range answers {
		d.Say(rpctest.Says(answer))
		r, err := newMetricsReceiver(a.set, a.cfg, &a.sink)
		require.NoError(t, err)
		require.NoError(t, r.prepare())
		r.consume = t.Context()
		r.collect(t.Context())
		require.NoError(t, r.Shutdown(t.Context()))
		out := a.out()
		if strings.HasPrefix(name, "secret at") && len(a.sink.AllMetrics()) > 0 {
			// The name of the application contains it, and the name is not secret.
			out = strings.ReplaceAll(out, `"service.name","value":{"stringValue":"`+secret, "")
			out = strings.ReplaceAll(out, secret+"web", "")
			out = strings.ReplaceAll(out, "w"+secret+"eb", "")
		}
		require.NotContains(t, out, secret, name)
		require.NotContains(t, out, "TOKEN", name)
		a.sink.Reset()
		a.logs.TakeAll()
	}
}

func TestMetrics_FailuresAreCountedByReason(t *testing.T) {
	for reason, answer := range map[string]func(net.Conn, <-chan struct{}){
		"timeout":   rpctest.Hangs([]byte{0x12, 0, 0}),
		"closed":    rpctest.Says([]byte{0x12, 0, 0}),
		"malformed": rpctest.Says([]byte("SSH-2.0-OpenSSH\r\n")),
		"too_large": rpctest.Hangs([]byte{0x12, 0x7f, 0, 0, 0}),
		"refused":   rpctest.Says(rpctest.Answer(`{"error":"no"}`)),
	} {
		t.Run(reason, func(t *testing.T) {
			d := rpctest.Start(t, rpctest.Home(t), answer)
			a := newAsker(t, d.Home)
			a.cfg.Metrics.Timeout = 10 * time.Second
			if reason == "timeout" {
				a.cfg.Metrics.Timeout = 200 * time.Millisecond
			}
			r := a.start(&a.sink)
			a.eventually(func() bool { return a.failures(reason) >= 3 })
			assert.Equal(t, 1, a.logs.FilterLevelExact(zap.WarnLevel).Len())
			d.Say(rpctest.Says(rpctest.Answer(reply(t))))
			a.eventually(func() bool { return len(a.sink.AllMetrics()) > 0 })
			require.NoError(t, r.Shutdown(t.Context()))
		})
	}
}

func TestMetrics_ShutdownDoesNotWaitForADaemonThatHangs(t *testing.T) {
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Hangs(nil))
	a := newAsker(t, d.Home)
	a.cfg.Metrics.Timeout = time.Hour
	r := a.start(&a.sink)
	a.eventually(func() bool { return len(d.Requests()) == 1 })
	require.NoError(t, r.Shutdown(t.Context()))
	require.NoError(t, r.Shutdown(t.Context()), "twice")
	assert.Empty(t, a.logs.FilterLevelExact(zap.WarnLevel).All(), "an end is no failure")
}

func TestMetrics_RejectedOnesAreDropped(t *testing.T) {
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Says(rpctest.Answer(reply(t))))
	a := newAsker(t, d.Home)
	var calls atomic.Int64
	next, err := consumer.NewMetrics(func(context.Context, pmetric.Metrics) error {
		calls.Add(1)
		return errors.New("not now")
	})
	require.NoError(t, err)
	r := a.start(next)
	a.eventually(func() bool { return calls.Load() >= 3 })
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, 1, a.logs.FilterLevelExact(zap.WarnLevel).Len())
}

func TestMetrics_ContinueAfterThePanicOfAConsumer(t *testing.T) {
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Says(rpctest.Answer(reply(t))))
	a := newAsker(t, d.Home)
	var calls atomic.Int64
	next, err := consumer.NewMetrics(func(ctx context.Context, metrics pmetric.Metrics) error {
		if calls.Add(1) == 1 {
			panic("planted")
		}
		return a.sink.ConsumeMetrics(ctx, metrics)
	})
	require.NoError(t, err)
	r := a.start(next)
	a.eventually(func() bool { return len(a.sink.AllMetrics()) > 0 })
	assert.EqualValues(t, 1, a.failures("panic"))
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestMetrics_ShutdownEndsABlockedConsumer(t *testing.T) {
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Says(rpctest.Answer(reply(t))))
	a := newAsker(t, d.Home)
	entered := make(chan struct{})
	next, err := consumer.NewMetrics(func(ctx context.Context, _ pmetric.Metrics) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	})
	require.NoError(t, err)
	r := a.start(next)
	<-entered
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, r.Shutdown(ended), context.Canceled)
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestMetrics_BoundProcesses(t *testing.T) {
	var all []string
	for i := range maxProcesses + 5 {
		all = append(all, fmt.Sprintf(`{"pm_id":%d,"name":"web"}`, i))
	}
	d := rpctest.Start(t, rpctest.Home(t), rpctest.Says(rpctest.Answer(`{"args":[[`+strings.Join(all, ",")+`]]}`)))
	a := newAsker(t, d.Home)
	r := a.start(&a.sink)
	a.eventually(func() bool { return len(a.sink.AllMetrics()) >= 3 })
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, maxProcesses, a.sink.AllMetrics()[0].ResourceMetrics().Len())
	warnings := a.logs.FilterLevelExact(zap.WarnLevel).All()
	require.Len(t, warnings, 1)
	assert.Equal(t, int64(5), warnings[0].ContextMap()["others"])
}

func TestThrottledLogger_LogsEachKindOncePerPeriod(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	now := time.Now()
	tr := newThrottledLogger(zap.New(core), func() time.Time { return now })
	assert.True(t, tr.warn("a", "one"))
	assert.False(t, tr.warn("a", "one"))
	assert.True(t, tr.warn("b", "two"))
	now = now.Add(throttlePeriod - 1)
	assert.False(t, tr.warn("a", "one"))
	now = now.Add(1)
	assert.True(t, tr.warn("a", "one"))
	assert.Equal(t, 3, logs.Len())
}
