// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenanthealthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/extension/tenanthealthextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// newAgent returns the extension with conditions, and its telemetry.
func newAgent(t *testing.T) (*server, *componenttest.Telemetry) {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.NetAddr.Endpoint = "127.0.0.1:0"
	cfg.Conditions = configoptional.Some(defaultConditions())
	tel := componenttest.NewTelemetry()
	set := extensiontest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = tel.NewTelemetrySettings()
	s, err := newServer(set, cfg)
	require.NoError(t, err)
	s.phase.Store(int32(phaseReady))
	t.Cleanup(func() {
		assert.NoError(t, s.Shutdown(context.Background()))
		assert.NoError(t, tel.Shutdown(context.Background()))
	})
	return s, tel
}

// activeConditions returns the values of the metric that are not 0, by condition.
func activeConditions(t *testing.T, tel *componenttest.Telemetry) map[string]int64 {
	t.Helper()
	m, err := tel.GetMetric("otelcol_extension_tenant_health_condition")
	require.NoError(t, err)
	all, points := map[string]int64{}, m.Data.(metricdata.Gauge[int64]).DataPoints
	metadatatest.AssertEqualExtensionTenantHealthCondition(t, tel, points, metricdatatest.IgnoreTimestamp())
	for _, p := range points {
		name, _ := p.Attributes.Value("condition")
		if p.Value != 0 {
			all[name.AsString()] = p.Value
		}
	}
	n := 0
	for range condition.Names() {
		n++
	}
	assert.Len(t, points, n, "each condition has a series from the start")
	return all
}

func TestConditions_ChangeTheStatus(t *testing.T) {
	s, tel := newAgent(t)
	var found []condition.Finding
	remove := s.PostConditions(condition.Source{ID: component.MustNewID("pm2"), Kind: component.KindReceiver, Report: func() []condition.Finding { return found }})
	now := noon
	s.now = func() time.Time { return now }
	look := func(d time.Duration) (int, *state) {
		for range d / lookInterval {
			now = now.Add(lookInterval)
			s.conditions.tracker.Look(now)
		}
		code, got, _ := get(t, s, http.MethodGet, "/health")
		return code, got
	}
	code, got := look(time.Minute)
	assert.Equal(t, http.StatusOK, code)
	assert.Empty(t, got.Conditions)
	assert.Empty(t, activeConditions(t, tel))

	found = []condition.Finding{{Name: condition.LogFilesUnreadable, Cause: "permission", Message: "2 log files cannot be read: /a, /b"}}
	code, _ = look(5 * time.Second)
	assert.Equal(t, http.StatusOK, code)
	code, got = look(10 * time.Second)
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Equal(t, statusFailing, got.Status)
	assert.Equal(t, []reason{"log_files_unreadable"}, got.Reasons)
	assert.Equal(t, []conditionState{{
		Name: "log_files_unreadable", Component: "receiver/pm2", Cause: "permission", Message: "2 log files cannot be read: /a, /b",
		Fix: condition.LogFilesUnreadable.Fix(), Since: "2026-05-01T12:01:01Z", For: 14,
	}}, got.Conditions)
	assert.Equal(t, map[string]int64{"log_files_unreadable": 1}, activeConditions(t, tel))
	code, _, _ = get(t, s, http.MethodGet, "/health/live")
	assert.Equal(t, http.StatusOK, code, "a supervisor does not restart the agent")

	// The component's error status is the same fault, so it adds no reason.
	id := componentstatus.NewInstanceID(component.MustNewID("pm2"), component.KindReceiver, pipeline.NewID(pipeline.SignalLogs))
	s.ComponentStatusChanged(id, componentstatus.NewRecoverableErrorEvent(errors.New("x")))
	_, got = look(0)
	assert.Equal(t, []reason{"log_files_unreadable"}, got.Reasons)
	assert.Equal(t, map[string]string{"receiver/pm2": "recoverable_error"}, got.Components)

	// A warning is shown, and the agent is healthy with it.
	found = nil
	code, got = look(5 * time.Second)
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.True(t, got.Conditions[0].Ending)
	found = []condition.Finding{{Name: condition.PM2Unreachable, Message: "no list", Warning: true}}
	s.ComponentStatusChanged(id, componentstatus.NewEvent(componentstatus.StatusOK))
	code, got = look(15 * time.Second)
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, statusOK, got.Status)
	assert.Empty(t, got.Reasons)
	require.Len(t, got.Conditions, 1)
	assert.True(t, got.Conditions[0].Warning)
	assert.Empty(t, activeConditions(t, tel))
	s.ComponentStatusChanged(id, componentstatus.NewRecoverableErrorEvent(errors.New("x")))

	found = nil
	code, got = look(11 * time.Second)
	assert.Equal(t, http.StatusServiceUnavailable, code, "the component still has an error status")
	assert.Equal(t, []reason{reasonComponent}, got.Reasons)
	s.ComponentStatusChanged(id, componentstatus.NewEvent(componentstatus.StatusOK))
	code, _ = look(0)
	assert.Equal(t, http.StatusOK, code)
	assert.Empty(t, activeConditions(t, tel))
	remove()
}

func TestConditions_LaneFindings(t *testing.T) {
	cfg := defaultConditions()
	c := &conditions{cfg: &cfg}
	for name, tt := range map[string]struct {
		health healthboard.Lanes
		want   map[condition.Name]string
	}{
		"empty":         {healthboard.Lanes{MaxBytes: 100}, map[condition.Name]string{}},
		"unknown":       {healthboard.Lanes{}, map[condition.Name]string{}},
		"at the limits": {healthboard.Lanes{Oldest: 5 * time.Minute, QueuedBytes: 80, MaxBytes: 100, Fullest: 0.8}, map[condition.Name]string{}},
		"old":           {healthboard.Lanes{Oldest: 301500 * time.Millisecond}, map[condition.Name]string{condition.QueueOld: "The oldest data in the queue waits for more than 5m1s, the limit is 5m0s"}},
		"very old":      {healthboard.Lanes{Oldest: 50*time.Hour + 59*time.Second}, map[condition.Name]string{condition.QueueOld: "The oldest data in the queue waits for more than 50h0m0s, the limit is 5m0s"}},
		"full lane": {
			healthboard.Lanes{QueuedBytes: 1, MaxBytes: 100, Fullest: 0.9},
			map[condition.Name]string{condition.QueueAlmostFull: "The queue is 90% full, the limit is 80%"},
		},
		"full": {
			healthboard.Lanes{QueuedBytes: 85, MaxBytes: 100, Fullest: 0.3},
			map[condition.Name]string{condition.QueueAlmostFull: "The queue is 85% full, the limit is 80%"},
		},
		"disk": {
			healthboard.Lanes{Storage: &healthboard.Storage{Free: 3 << 19, Reserve: 2 << 20, Used: 1 << 20, Rejecting: true}},
			map[condition.Name]string{condition.StorageFull: "The disk of the queue is full, and data is rejected: 1.5 MiB are free, 2.0 MiB of the disk are a reserve, and the queue has 1.0 MiB"},
		},
		"unknown disk": {
			healthboard.Lanes{Storage: &healthboard.Storage{Free: -1, Rejecting: true}},
			map[condition.Name]string{condition.StorageFull: "The disk of the queue is full, and data is rejected"},
		},
		"disk with free space": {healthboard.Lanes{Storage: &healthboard.Storage{Free: 1}}, map[condition.Name]string{}},
	} {
		got := map[condition.Name]string{}
		for _, f := range c.laneFindings(tt.health, noon) {
			got[f.Name] = f.Message
		}
		assert.Equal(t, tt.want, got, name)
	}
}

// A gateway does not report addresses and paths, and faults of its backends are not its own.
func TestConditions_AreNotReadUnlessConfigured(t *testing.T) {
	s := newTestServer(t)
	require.NoError(t, s.Ready())
	called := false
	remove := s.PostConditions(condition.Source{ID: exporterID, Kind: component.KindExporter, Report: func() []condition.Finding { called = true; return nil }})
	removeLanes := s.PostLanes(exporterID, func() healthboard.Lanes { return healthboard.Lanes{Oldest: time.Hour, QueuedBytes: 95, MaxBytes: 100} })
	code, got, _ := get(t, s, http.MethodGet, "/health")
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, []reason{reasonQueue}, got.Reasons)
	assert.Empty(t, got.Conditions)
	assert.False(t, called)
	removeLanes()
	remove()
	require.NoError(t, s.Shutdown(t.Context()))
}

// The extension reads conditions from its start to its shutdown.
func TestConditions_AreReadEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newAgent(t)
		calls := 0
		s.PostConditions(condition.Source{ID: exporterID, Kind: component.KindExporter, Report: func() []condition.Finding {
			calls++
			return []condition.Finding{{Name: condition.GatewayBusy}}
		}})
		s.conditions.start(time.Now)
		time.Sleep(11*time.Second + time.Millisecond)
		synctest.Wait()
		assert.Equal(t, 11, calls)
		require.Len(t, s.conditions.active(), 1)
		s.conditions.shutdown()
		time.Sleep(time.Minute)
		assert.Equal(t, 11, calls)
	})
}
