// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// status summarizes the state, for load balancers.
type status string

const (
	// statusOK is a collector that works.
	statusOK status = "ok"
	// statusDegraded is a collector that works, and that an operator should check.
	statusDegraded status = "degraded"
	// statusFailing is an agent with a condition.
	statusFailing status = "failing"
	// statusUnavailable is a collector that must not get requests.
	statusUnavailable status = "unavailable"
)

// reason is why the status is not statusOK.
type reason string

const (
	reasonStarting  reason = "starting"
	reasonStopping  reason = "stopping"
	reasonNotLoaded reason = "registry_not_loaded"
	reasonSource    reason = "registry_source_failed"
	reasonStale     reason = "registry_stale"
	reasonQueue     reason = "queue_almost_full"
	reasonDisk      reason = "storage_full"
	reasonRoutes    reason = "routes_failed"
	reasonComponent reason = "component_failed"
)

// state is the body of a response. Its JSON names are stable: monitoring depends on them.
type state struct {
	Status     status                   `json:"status"`
	Reasons    []reason                 `json:"reasons"`
	Registries map[string]registryState `json:"registries"`
	Lanes      map[string]laneState     `json:"lanes"`
	Components map[string]string        `json:"components"` // those with an error status

	Conditions []conditionState `json:"conditions,omitempty"`
}

type registryState struct {
	Loaded  bool          `json:"loaded"`
	Hash    string        `json:"hash,omitempty"`
	Source  string        `json:"source,omitempty"`
	Age     *float64      `json:"age_seconds,omitempty"`
	Failure *failureState `json:"failure,omitempty"`

	stale bool // it was not confirmed for longer than it may be
}

type failureState struct {
	Class    healthboard.FailureClass `json:"class"`
	Action   string                   `json:"action,omitempty"`
	For      float64                  `json:"for_seconds"`
	Rejected int                      `json:"rejected_entries"`
	Faults   []faultState             `json:"faults,omitempty"`
}

type faultState struct {
	Line  int    `json:"line,omitempty"`
	Row   int    `json:"row,omitempty"`
	Field string `json:"field,omitempty"`
}

type laneState struct {
	Idle    int     `json:"idle"`
	Active  int     `json:"active"`
	Waiting int     `json:"waiting"`
	Open    int     `json:"open"`
	Half    int     `json:"half_open"` // also counted by Open
	Full    int     `json:"almost_full"`
	NotOTLP int     `json:"not_otlp"`
	Queued  int64   `json:"queued_bytes"`
	Max     int64   `json:"max_bytes"`
	Oldest  float64 `json:"oldest_seconds"`

	Storage *storageState `json:"storage,omitempty"`
	Routes  *routesState  `json:"routes,omitempty"`

	DeadLetters *deadLettersState `json:"dead_letters,omitempty"`
}

// deadLettersState is how many tenants and destinations have dead letters.
type deadLettersState struct {
	Tenants      int `json:"tenants"`
	Destinations int `json:"destinations"`
}

type storageState struct {
	Used      int64    `json:"used_bytes"`
	Free      *int64   `json:"free_bytes,omitempty"`
	Reserve   int64    `json:"reserve_bytes"`
	Rejecting bool     `json:"refusing"`
	For       *float64 `json:"refusing_seconds,omitempty"`
}

// routesState is present if routes of active tenants do not work.
type routesState struct {
	Tenants int               `json:"tenants"`
	Faults  []routeFaultState `json:"faults"`
}

type routeFaultState struct {
	Signal  string                   `json:"signal"`
	Problem healthboard.RouteProblem `json:"problem"`
	Tenants int                      `json:"tenants"`
}

// conditionState is a condition in the response.
type conditionState struct {
	Name      string  `json:"name"`
	Component string  `json:"component"`
	Cause     string  `json:"cause,omitempty"`
	Message   string  `json:"message"`
	Fix       string  `json:"fix"`
	Since     string  `json:"since"`
	For       float64 `json:"for_seconds"`
	Warning   bool    `json:"warning,omitempty"`
	Ending    bool    `json:"ending,omitempty"`
}

// phase is the lifecycle state of the pipelines.
type phase int32

const (
	phaseStarting phase = iota
	phaseReady
	phaseStopping
)

// found is the input of judge.
type found struct {
	now        time.Time
	phase      phase
	registries map[component.ID]healthboard.Registry
	lanes      map[component.ID]healthboard.Lanes
	unwell     map[string]string
	conditions []condition.Active
	maxAge     time.Duration // of a registry
}

// judge returns the state of a collector. A registry that cannot be updated only degrades it,
// because the last valid registry remains in use. The same is true of faults of backends. Sending
// requests to another gateway would not help.
func judge(f *found) *state {
	s := &state{
		Status: statusOK, Reasons: []reason{}, Components: f.unwell,
		Registries: make(map[string]registryState, len(f.registries)), Lanes: make(map[string]laneState, len(f.lanes)),
	}
	switch f.phase {
	case phaseStarting:
		s.add(statusUnavailable, reasonStarting)
	case phaseStopping:
		s.add(statusUnavailable, reasonStopping)
	}
	for id, r := range f.registries {
		s.addRegistry(id.String(), r, f)
	}
	for id, l := range f.lanes {
		out := laneState{l.Idle, l.Active, l.Waiting, l.Open, l.HalfOpen, l.Full, l.NotOTLP, l.QueuedBytes, l.MaxBytes, l.Oldest.Seconds(), nil, routesOf(l.Routes), nil}
		if d := l.DeadLetters; d != nil {
			out.DeadLetters = &deadLettersState{d.Tenants, d.Destinations}
		}
		if l.Storage != nil {
			out.Storage = storageOf(l.Storage)
			if l.Storage.Rejecting {
				s.add(statusDegraded, reasonDisk)
			}
		}
		if out.Routes != nil {
			s.add(statusDegraded, reasonRoutes)
		}
		s.Lanes[id.String()] = out
		if l.QueuedBytes > l.MaxBytes-l.MaxBytes/10 {
			s.add(statusDegraded, reasonQueue)
		}
	}
	s.addConditions(f)
	for name := range f.unwell {
		if !slices.ContainsFunc(f.conditions, func(a condition.Active) bool { return a.Component == name }) {
			s.add(statusDegraded, reasonComponent)
		}
	}
	return s
}

func storageOf(h *healthboard.Storage) *storageState {
	out := &storageState{Used: h.Used, Reserve: h.Reserve, Rejecting: h.Rejecting}
	if h.Free >= 0 {
		out.Free = &h.Free
	}
	if h.Rejecting {
		seconds := h.For.Seconds()
		out.For = &seconds
	}
	return out
}

// routesOf returns nil if all routes work, or if their state is unknown.
func routesOf(h *healthboard.Routes) *routesState {
	if h == nil {
		return nil
	}
	out := &routesState{Tenants: h.Tenants}
	for _, f := range h.Faults {
		out.Faults = append(out.Faults, routeFaultState{f.Signal.String(), f.Problem, f.Tenants})
	}
	return out
}

func (s *state) addConditions(f *found) {
	for i := range f.conditions {
		a := &f.conditions[i]
		if !a.Warning {
			s.add(statusFailing, reason(a.Name.String()))
		}
		s.Conditions = append(s.Conditions, conditionState{
			Name: a.Name.String(), Component: a.Component, Cause: a.Cause, Message: a.Message, Fix: a.Fix,
			Since: a.Since.UTC().Format(time.RFC3339), For: max(0, f.now.Sub(a.Since).Round(time.Second).Seconds()), Warning: a.Warning, Ending: a.Ending,
		})
	}
}

func (s *state) addRegistry(id string, r healthboard.Registry, f *found) {
	out := registryState{Loaded: r.Loaded, Hash: r.Hash, Source: r.Source}
	if !r.ConfirmedAt.IsZero() {
		age := max(0, f.now.Sub(r.ConfirmedAt))
		seconds := age.Seconds()
		out.Age = &seconds
		if age > f.maxAge {
			out.stale = true
			s.add(statusDegraded, reasonStale)
		}
	}
	if !r.Loaded {
		s.add(statusUnavailable, reasonNotLoaded)
	}
	if e := r.Failure; e != nil {
		out.Failure = &failureState{Class: e.Class, Action: e.Action, For: max(0, f.now.Sub(e.Since)).Seconds(), Rejected: e.Rejected}
		for _, at := range e.Faults {
			out.Failure.Faults = append(out.Failure.Faults, faultState{at.Line, at.Row, at.Field})
		}
		s.add(statusDegraded, reasonSource)
	}
	s.Registries[id] = out
}

// add records a reason, unless it is already recorded, and keeps the worst status.
func (s *state) add(worst status, why reason) {
	for _, known := range s.Reasons {
		if known == why {
			return
		}
	}
	s.Reasons = append(s.Reasons, why)
	if s.Status != statusUnavailable && (s.Status != statusFailing || worst == statusUnavailable) {
		s.Status = worst
	}
}
