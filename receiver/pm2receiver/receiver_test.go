// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadatatest"
)

func wrapped(line, stream string) string {
	return fmt.Sprintf(`{"message":%q,"timestamp":"2026-11-21T02:08:35.328Z","type":%q,"process_id":3,"app_name":"shop"}`, line+"\n", stream) + "\n"
}

func write(t testing.TB, path, text string) {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func testConfig(home string) *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Home, cfg.PollInterval, cfg.Timezone = home, 10*time.Millisecond, "UTC"
	return cfg
}

func start(t testing.TB, cfg *Config, set receiver.Settings, host component.Host, next consumer.Logs) receiver.Logs {
	r, err := NewFactory().CreateLogs(t.Context(), set, cfg, next)
	require.NoError(t, err)
	r.(*logsReceiver).own = nil // the tests write the logs that they read
	require.NoError(t, r.Start(t.Context(), host))
	return r
}

// awaitPolls waits until the receiver has polled several times, so that records that must not
// come would have come.
func awaitPolls(t testing.TB, r receiver.Logs) {
	t.Helper()
	tailer := r.(*logsReceiver).tailer
	last := tailer.Polls() + 10
	require.Eventually(t, func() bool { return tailer.Polls() >= last }, 30*time.Second, 5*time.Millisecond, "the receiver does not poll")
}

func TestReceiver_SetsTheOriginOfALine(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, "logs", "shop-error.log"), wrapped("boom", "err"))
	sink := new(consumertest.LogsSink)
	cfg := testConfig(home)
	cfg.SeverityFromStderr = true
	r := start(t, cfg, receivertest.NewNopSettings(metadata.Type), componenttest.NewNopHost(), sink)
	require.Eventually(t, func() bool { return sink.LogRecordCount() == 1 }, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, r.Shutdown(t.Context()))

	host, err := os.Hostname()
	require.NoError(t, err)
	rl := sink.AllLogs()[0].ResourceLogs().At(0)
	assert.Equal(t, map[string]any{"service.name": "shop", "service.instance.id": host + ":3", "pm2.process.id": int64(3)}, rl.Resource().Attributes().AsRaw())
	assert.Equal(t, metadata.ScopeName, rl.ScopeLogs().At(0).Scope().Name())
	rec := rl.ScopeLogs().At(0).LogRecords().At(0)
	assert.Equal(t, "boom", rec.Body().Str())
	assert.Equal(t, plog.SeverityNumberError, rec.SeverityNumber())
	assert.Equal(t, time.Date(2026, 11, 21, 2, 8, 35, 328e6, time.UTC), rec.Timestamp().AsTime())
	assert.WithinDuration(t, time.Now(), rec.ObservedTimestamp().AsTime(), time.Minute)
	attrs := rec.Attributes().AsRaw()
	assert.Regexp(t, `^[0-9a-f]{16}-0-0$`, attrs["log.record.uid"])
	delete(attrs, "log.record.uid")
	assert.Equal(t, map[string]any{"log.file.name": "shop-error.log", "log.iostream": "stderr"}, attrs)
}

// storageHost is a host with a file storage that outlives the receiver.
type storageHost map[component.ID]component.Component

func (h storageHost) GetExtensions() map[component.ID]component.Component { return h }

func newStorageHost(t testing.TB) storageHost {
	factory := filestorage.NewFactory()
	cfg := factory.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = t.TempDir()
	ext, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, ext.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, ext.Shutdown(context.Background())) })
	return storageHost{component.MustNewID("file_storage"): ext}
}

func TestReceiver_ContinuesFromItsCheckpoint(t *testing.T) {
	home, host := t.TempDir(), newStorageHost(t)
	id := component.MustNewID("file_storage")
	cfg := testConfig(home)
	cfg.Storage = &id
	path := filepath.Join(home, "logs", "shop-out.log")
	sink := new(consumertest.LogsSink)
	set := receivertest.NewNopSettings(metadata.Type) // with one ID for all
	for i := 1; i <= 5; i++ {
		write(t, path, wrapped("line "+strconv.Itoa(i), "out"))
		r := start(t, cfg, set, host, sink)
		require.Eventually(t, func() bool { return sink.LogRecordCount() >= i }, 30*time.Second, 5*time.Millisecond)
		require.NoError(t, r.Shutdown(t.Context()))
		assert.Equal(t, i, sink.LogRecordCount())
	}
}

func TestReceiver_FailsToStartWithoutItsStorage(t *testing.T) {
	id := component.MustNewID("file_storage")
	cfg := testConfig(t.TempDir())
	cfg.Storage = &id
	for host, message := range map[*storageHost]string{
		{}:                                    `"storage" names the extension "file_storage", which is not configured or not listed under "service::extensions"`,
		{id: struct{ component.Component }{}}: `"storage" names the extension "file_storage", which is not a storage extension`,
	} {
		r, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		require.NoError(t, err)
		assert.EqualError(t, r.Start(t.Context(), host), message)
		assert.NoError(t, r.Shutdown(t.Context()))
	}
}

func TestReceiver_DropsPermanentlyRejectedRecords(t *testing.T) {
	home := t.TempDir()
	tel := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, tel.Shutdown(context.Background())) })
	set := receivertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	var calls atomic.Int64
	sink := new(consumertest.LogsSink)
	next, err := consumer.NewLogs(func(ctx context.Context, logs plog.Logs) error {
		switch calls.Add(1) {
		case 1:
			return consumererror.NewPermanent(errors.New("bad record"))
		case 2:
			return errors.New("come back later")
		case 3:
			panic("planted")
		}
		return sink.ConsumeLogs(ctx, logs)
	})
	require.NoError(t, err)
	path := filepath.Join(home, "logs", "shop-out.log")
	write(t, path, wrapped("rejected", "out"))
	r := start(t, testConfig(home), set, componenttest.NewNopHost(), next)
	require.Eventually(t, func() bool { return calls.Load() == 1 }, 30*time.Second, 5*time.Millisecond)
	write(t, path, wrapped("panics", "out"))
	require.Eventually(t, func() bool { return calls.Load() == 3 }, 30*time.Second, 5*time.Millisecond)
	write(t, path, wrapped("accepted", "out"))
	require.Eventually(t, func() bool { return sink.LogRecordCount() == 1 }, 30*time.Second, 5*time.Millisecond)
	require.Eventually(t, func() bool {
		m, err := tel.GetMetric("otelcol_receiver_pm2_lines")
		return err == nil && m.Data.(metricdata.Sum[int64]).DataPoints[0].Value == 3
	}, 30*time.Second, 5*time.Millisecond)
	one, two := []metricdata.DataPoint[int64]{{Value: 1}}, []metricdata.DataPoint[int64]{{Value: 2}}
	metadatatest.AssertEqualReceiverPm2RefusedRecords(t, tel, two, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualReceiverPm2RedeliveredRecords(t, tel, one, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualReceiverPm2ReadBytes(t, tel, []metricdata.DataPoint[int64]{{Value: int64(len(wrapped("rejected", "out") + wrapped("panics", "out") + wrapped("accepted", "out")))}}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, "accepted", sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str())
}

func TestReceiver_SendsOnlyTheRecordsThatAPartialErrorNames(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, "logs", "shop-out.log"), wrapped("one\ntwo\nthree", "out"))
	sink := new(consumertest.LogsSink)
	var calls atomic.Int64
	next, err := consumer.NewLogs(func(ctx context.Context, logs plog.Logs) error {
		if calls.Add(1) > 1 {
			return sink.ConsumeLogs(ctx, logs)
		}
		rest := plog.NewLogs()
		logs.CopyTo(rest)
		rest.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().RemoveIf(func(rec plog.LogRecord) bool { return rec.Body().Str() != "three" })
		return consumererror.NewLogs(errors.New("only two"), rest)
	})
	require.NoError(t, err)
	r := start(t, testConfig(home), receivertest.NewNopSettings(metadata.Type), componenttest.NewNopHost(), next)
	require.Eventually(t, func() bool { return calls.Load() == 2 }, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, 1, sink.LogRecordCount())
}

func TestReceiver_SendsRecordsThatAConsumerMayChange(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, "logs", "shop-out.log"), wrapped(`{"level":30,"msg":"as written"}`, "out"))
	sink := new(consumertest.LogsSink)
	var calls atomic.Int64
	next, err := consumer.NewLogs(func(ctx context.Context, logs plog.Logs) error {
		rec := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		if calls.Add(1) <= 2 {
			rec.Body().SetStr("changed")
			rec.Attributes().Clear()
			return errors.New("and rejected")
		}
		return sink.ConsumeLogs(ctx, logs)
	}, consumer.WithCapabilities(consumer.Capabilities{MutatesData: true}))
	require.NoError(t, err)
	r := start(t, testConfig(home), receivertest.NewNopSettings(metadata.Type), componenttest.NewNopHost(), next)
	require.Eventually(t, func() bool { return sink.LogRecordCount() == 1 }, 30*time.Second, 5*time.Millisecond)
	require.NoError(t, r.Shutdown(t.Context()))
	rec := sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	assert.Equal(t, "as written", rec.Body().Str())
	assert.Equal(t, 3, rec.Attributes().Len())
}

func TestReceiver_ShutdownEndsABlockedConsumer(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, "logs", "shop-out.log"), wrapped("one", "out"))
	entered := make(chan struct{})
	next, err := consumer.NewLogs(func(ctx context.Context, _ plog.Logs) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	})
	require.NoError(t, err)
	r := start(t, testConfig(home), receivertest.NewNopSettings(metadata.Type), componenttest.NewNopHost(), next)
	<-entered
	require.NoError(t, r.Shutdown(t.Context()))
	require.NoError(t, r.Shutdown(t.Context()), "twice")
}

// application writes log lines as PM2 does, for upstream's contract checker.
type application struct {
	t    *testing.T
	path string
	mu   sync.Mutex
	next int
}

func (a *application) Start() {}

func (a *application) Stop() { require.NoError(a.t, os.Remove(a.path)) }

func (a *application) Generate() []receivertest.UniqueIDAttrVal {
	a.mu.Lock()
	defer a.mu.Unlock()
	time.Sleep(time.Millisecond) // spreads the lines over time; otherwise they are one or two batches
	a.next++
	id := fmt.Sprintf("id-%d", a.next)
	write(a.t, a.path, wrapped(fmt.Sprintf(`{"level":30,"msg":"generated","%s":"%s"}`, receivertest.UniqueIDAttrName, id), "out"))
	return []receivertest.UniqueIDAttrVal{receivertest.UniqueIDAttrVal(id)}
}

func TestReceiver_ConsumeContract(t *testing.T) {
	home := t.TempDir()
	// The check waits for five seconds, and its consumer may reject often.
	quick := func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
		r, err := newLogsReceiver(set, cfg.(*Config), next)
		r.maxBackoff, r.own = time.Millisecond, nil
		return r, err
	}
	receivertest.CheckConsumeContract(receivertest.CheckConsumeContractParams{
		T: t, Signal: pipeline.SignalLogs, Config: testConfig(home),
		Factory:       receiver.NewFactory(metadata.Type, createDefaultConfig, receiver.WithLogs(quick, metadata.LogsStability)),
		Generator:     &application{t: t, path: filepath.Join(home, "logs", "shop-out.log")},
		GenerateCount: 200,
	})
}
