// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthclient"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

var (
	noon       = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	registryID = component.MustNewID("tenant_registry")
	exporterID = component.MustNewID("tenant_routing")
)

// healthy returns a gateway that works, which a test changes.
func healthy() *found {
	return &found{
		now: noon, phase: phaseReady, maxAge: time.Minute, unwell: map[string]string{},
		registries: map[component.ID]healthboard.Registry{registryID: {Loaded: true, Hash: "abc", Source: "file", ConfirmedAt: noon.Add(-time.Second)}},
		lanes:      map[component.ID]healthboard.Lanes{exporterID: {Active: 2, MaxBytes: 1000, QueuedBytes: 10}},
	}
}

func (f *found) registry(change func(*healthboard.Registry)) {
	r := f.registries[registryID]
	change(&r)
	f.registries[registryID] = r
}

func (f *found) lane(change func(*healthboard.Lanes)) {
	l := f.lanes[exporterID]
	change(&l)
	f.lanes[exporterID] = l
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(*found)
		status  status
		reasons []reason
	}{
		{"healthy", func(*found) {}, statusOK, []reason{}},
		{"no registry and no lanes", func(f *found) { f.registries, f.lanes = nil, nil }, statusOK, []reason{}},
		{"starting", func(f *found) { f.phase = phaseStarting }, statusUnavailable, []reason{reasonStarting}},
		{"stopping", func(f *found) { f.phase = phaseStopping }, statusUnavailable, []reason{reasonStopping}},
		{"the registry was never loaded", func(f *found) {
			f.registry(func(r *healthboard.Registry) {
				*r = healthboard.Registry{Failure: &healthboard.RegistryFailure{Class: healthboard.FailureMissing, Since: noon}}
			})
		}, statusUnavailable, []reason{reasonNotLoaded, reasonSource}},
		{"the source is invalid", func(f *found) {
			f.registry(func(r *healthboard.Registry) {
				r.Failure = &healthboard.RegistryFailure{Class: healthboard.FailureInvalid, Since: noon}
			})
		}, statusDegraded, []reason{reasonSource}},
		{"the registry is stale", func(f *found) {
			f.registry(func(r *healthboard.Registry) { r.ConfirmedAt = noon.Add(-2 * time.Minute) })
		}, statusDegraded, []reason{reasonStale}},
		{"backends are down", func(f *found) {
			f.lane(func(l *healthboard.Lanes) { l.Open, l.Waiting, l.Full = 7, 3, 2 })
		}, statusOK, []reason{}},
		{"the queue is almost full", func(f *found) {
			f.lane(func(l *healthboard.Lanes) { l.QueuedBytes = 901 })
		}, statusDegraded, []reason{reasonQueue}},
		{"the disk has free space", func(f *found) {
			f.lane(func(l *healthboard.Lanes) { l.Storage = &healthboard.Storage{Used: 1, Free: 2, Reserve: 3} })
		}, statusOK, []reason{}},
		{"the disk is full", func(f *found) {
			f.lane(func(l *healthboard.Lanes) { l.Storage = &healthboard.Storage{Free: -1, Rejecting: true} })
		}, statusDegraded, []reason{reasonDisk}},
		{"a component has an error status", func(f *found) { f.unwell["receiver/otlp"] = "permanent_error" }, statusDegraded, []reason{reasonComponent}},
		{"the worst status", func(f *found) {
			f.unwell["receiver/otlp"] = "permanent_error"
			f.phase = phaseStopping
		}, statusUnavailable, []reason{reasonStopping, reasonComponent}},
	} {
		f := healthy()
		tt.change(f)
		s := judge(f)
		assert.Equal(t, tt.status, s.Status, tt.name)
		assert.Equal(t, tt.reasons, s.Reasons, tt.name)
	}
}

func TestJudge_Storage(t *testing.T) {
	for want, h := range map[string]*healthboard.Storage{
		`{"used_bytes":5,"free_bytes":0,"reserve_bytes":7,"refusing":true,"refusing_seconds":90}`: {Used: 5, Reserve: 7, Rejecting: true, For: 90 * time.Second},
		`{"used_bytes":5,"reserve_bytes":0,"refusing":false}`:                                     {Used: 5, Free: -1},
		`null`: nil,
	} {
		f := healthy()
		f.lane(func(l *healthboard.Lanes) { l.Storage = h })
		got, err := json.Marshal(judge(f).Lanes["tenant_routing"].Storage)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(got))
	}
}

func TestJudge_Registry(t *testing.T) {
	f := healthy()
	f.registry(func(r *healthboard.Registry) {
		r.ConfirmedAt = noon.Add(-90 * time.Second)
		r.Failure = &healthboard.RegistryFailure{Class: healthboard.FailureInvalid, Action: "run this", Since: noon.Add(-time.Minute), Rejected: 2, Faults: []healthboard.RejectedEntry{{Line: 7, Field: "keys"}, {Row: 3}}}
	})
	got := judge(f).Registries["tenant_registry"]
	require.NotNil(t, got.Age)
	assert.InDelta(t, 90, *got.Age, 1e-9)
	assert.Equal(t, &failureState{Class: "invalid", Action: "run this", For: 60, Rejected: 2, Faults: []faultState{{Line: 7, Field: "keys"}, {Row: 3}}}, got.Failure)

	f.registry(func(r *healthboard.Registry) { r.ConfirmedAt = noon.Add(time.Hour) })
	assert.Zero(t, *judge(f).Registries["tenant_registry"].Age, "an age is not negative after the clock was set back")
	f.registry(func(r *healthboard.Registry) { r.ConfirmedAt = time.Time{} })
	assert.Nil(t, judge(f).Registries["tenant_registry"].Age)
}

func TestJudge_Routes(t *testing.T) {
	f := healthy()
	f.lane(func(l *healthboard.Lanes) {
		l.Routes = &healthboard.Routes{Tenants: 3, Faults: []healthboard.RouteFault{
			{Signal: tenant.Logs, Problem: healthboard.RouteUnknown, Tenants: 2}, {Signal: tenant.Metrics, Problem: healthboard.RouteSignal, Tenants: 1},
		}}
	})
	s := judge(f)
	assert.Equal(t, statusDegraded, s.Status)
	assert.Equal(t, []reason{reasonRoutes}, s.Reasons)
	body, err := json.Marshal(s.Lanes["tenant_routing"].Routes)
	require.NoError(t, err)
	assert.JSONEq(t, `{"tenants": 3, "faults": [
		{"signal": "logs", "problem": "unknown_destination", "tenants": 2},
		{"signal": "metrics", "problem": "signal_not_taken", "tenants": 1}]}`, string(body))
}

// The client that doctor and setup use reads what this extension writes.
func TestState_IsReadByTheClient(t *testing.T) {
	written := state{
		Status: statusFailing, Reasons: []reason{"queue_old"}, Components: map[string]string{"exporter/x": "recoverable_error"},
		Lanes: map[string]laneState{"x": {Queued: 1, Max: 2, Oldest: 3.5, DeadLetters: &deadLettersState{4, 5}}},
		Conditions: []conditionState{
			{Name: "queue_old", Component: "exporter/x", Cause: "c", Message: "m", Fix: "f", Since: "s", For: 1, Ending: true},
			{Name: "pm2_unreachable", Component: "receiver/pm2", Message: "m", Fix: "f", Since: "s", Warning: true},
		},
	}
	body, err := json.Marshal(written)
	require.NoError(t, err)
	var read healthclient.Answer
	require.NoError(t, json.Unmarshal(body, &read))
	assert.Equal(t, healthclient.Answer{
		Status: "failing", Reasons: []string{"queue_old"}, Components: written.Components,
		Lanes: map[string]healthclient.Lanes{"x": {Queued: 1, Max: 2, Oldest: 3.5, DeadLetters: &healthclient.DeadLetters{Tenants: 4, Destinations: 5}}},
		Conditions: []healthclient.Condition{
			{Name: "queue_old", Component: "exporter/x", Cause: "c", Message: "m", Fix: "f", Since: "s", Ending: true},
			{Name: "pm2_unreachable", Component: "receiver/pm2", Message: "m", Fix: "f", Since: "s", Warning: true},
		},
	}, read)
	assert.Equal(t, healthclient.StatusOK, string(statusOK))
}
