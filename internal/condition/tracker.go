// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package condition

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

const (
	// firstRepeat is how long after its beginning a condition is logged again. The interval
	// doubles up to lastRepeat.
	firstRepeat = time.Minute
	lastRepeat  = time.Hour

	// maxCauses bounds the causes of one condition that are logged as soon as they are
	// found.
	maxCauses = 8
)

// Settings are those of a [Tracker].
type Settings struct {
	// BeginAfter is for how long something must be found before its condition begins, and
	// EndAfter for how long it must not be found before it ends.
	BeginAfter, EndAfter time.Duration

	// Logger logs each begin and end.
	Logger *zap.Logger
}

// Tracker turns what sources report into conditions that begin and end. A condition that
// another one explains is not shown: see suppressions. Its methods are safe for concurrent
// use.
type Tracker struct {
	set      Settings
	recovery *recovery.Recoverer

	asking  sync.Mutex // held while sources are called, and when one is removed
	sources []*source

	mu     sync.Mutex
	states map[key]*state
}

var _ Board = (*Tracker)(nil)

type source struct {
	Source
	last   []Finding // what it reported last
	failed bool      // its status is that of an error
}

// key identifies a state. There are at most as many as components times names.
type key struct {
	component string
	name      Name
}

// state is a condition that was found, or has not ended yet.
type state struct {
	Finding
	found     time.Time // first
	seen      time.Time // last
	active    bool
	logAt     time.Time
	repeat    time.Duration
	causes    []string // those that were logged
	matched   bool     // it was found in this look
	explained explained
}

// Active is a condition that has begun and not ended.
type Active struct {
	Finding
	Component string

	// Ending is set if the cause is no longer found. The condition ends when it was not found
	// for long enough.
	Ending bool
}

// NewTracker returns a tracker without sources.
func NewTracker(set Settings) *Tracker {
	return &Tracker{set: set, recovery: recovery.New(set.Logger), states: make(map[key]*state)}
}

// PostConditions implements [Board].
func (t *Tracker) PostConditions(src Source) (remove func()) {
	s := &source{Source: src}
	t.asking.Lock()
	defer t.asking.Unlock()
	t.sources = append(t.sources, s)
	return func() { t.remove(s) }
}

// remove removes a source. If it was the last one of its component, it also removes the
// conditions of the component, because their end would not be noticed.
func (t *Tracker) remove(s *source) {
	t.asking.Lock()
	defer t.asking.Unlock()
	t.sources = slices.DeleteFunc(t.sources, func(other *source) bool { return other == s })
	name := s.name()
	if slices.ContainsFunc(t.sources, func(other *source) bool { return other.name() == name }) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for k := range t.states {
		if k.component == name {
			delete(t.states, k)
		}
	}
}

// Look calls all sources, and begins and ends conditions.
func (t *Tracker) Look(now time.Time) {
	t.asking.Lock()
	defer t.asking.Unlock()
	for _, s := range t.sources {
		// If a source panics, its last report is used again.
		_ = t.recovery.Run("asking for conditions of "+s.name(), func() { s.last = s.Report() })
	}
	t.update(now)
	for _, s := range t.sources {
		t.report(s)
	}
}

func (t *Tracker) update(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, st := range t.states {
		st.matched = false
	}
	for _, minor := range []bool{false, true} {
		for _, s := range t.sources {
			name := s.name()
			for i := range s.last {
				if f := &s.last[i]; f.Name < numNames && f.Minor == minor {
					t.match(key{name, f.Name}, f, now)
				}
			}
		}
	}
	// All are explained before one changes, so that the order of the map does not matter.
	for _, st := range t.states {
		st.explained = explain(&st.Finding, t.states)
	}
	for k, st := range t.states {
		t.step(k, st, now)
	}
}

// match records a finding. Of several with the same name and component the first counts.
func (t *Tracker) match(k key, f *Finding, now time.Time) {
	st := t.states[k]
	if st == nil {
		st = &state{found: now}
		t.states[k] = st
	}
	if st.matched {
		return
	}
	st.matched, st.seen = true, now
	since := st.Since
	st.Finding = f.bounded()
	switch {
	case !since.IsZero() && (st.Since.IsZero() || since.Before(st.Since)):
		st.Since = since
	case st.Since.IsZero():
		st.Since = st.found
	}
}

// step begins or ends a condition, as it was found and is explained now.
func (t *Tracker) step(k key, st *state, now time.Time) {
	switch {
	case !st.active && !st.matched:
		delete(t.states, k)
	case st.explained == isExplained:
		if st.active {
			t.set.Logger.Info("Condition is explained by another one", zap.String("condition", k.name.String()), zap.String("component", k.component))
		}
		// When the cause ends, its consequence must last for BeginAfter to be shown again.
		st.active, st.found, st.logAt, st.repeat = false, now, time.Time{}, 0
	case !st.active:
		// A cause that was found begins, or vanishes, within BeginAfter.
		if st.explained == notExplained && now.Sub(st.found) >= t.set.BeginAfter {
			st.active = true
			t.log(k, st, now)
		}
	case st.matched:
		if !now.Before(st.logAt) || len(st.causes) < maxCauses && !slices.Contains(st.causes, st.Cause) {
			t.log(k, st, now)
		}
	case now.Sub(st.seen) >= t.set.EndAfter:
		t.set.Logger.Info("Condition has ended", zap.String("condition", k.name.String()), zap.String("component", k.component),
			zap.Duration("after", st.seen.Sub(st.Since).Round(time.Second)))
		delete(t.states, k)
	}
}

// log logs a condition that lasts, and sets when it is logged again.
func (t *Tracker) log(k key, st *state, now time.Time) {
	fields := []zap.Field{zap.String("condition", k.name.String()), zap.String("component", k.component)}
	if st.Cause != "" {
		fields = append(fields, zap.String("cause", st.Cause))
	}
	if lasts := now.Sub(st.Since).Round(time.Second); lasts > 0 {
		fields = append(fields, zap.Duration("for", lasts))
	}
	t.set.Logger.Warn(st.Message, append(fields, zap.String("fix", st.Fix))...)
	if len(st.causes) < maxCauses && !slices.Contains(st.causes, st.Cause) {
		st.causes = append(st.causes, st.Cause)
	}
	if !now.Before(st.logAt) {
		st.repeat = min(max(2*st.repeat, firstRepeat), lastRepeat)
		st.logAt = now.Add(st.repeat)
	}
}

// report reports the status of a component to the collector if it has changed.
func (t *Tracker) report(s *source) {
	if s.Status == nil {
		return
	}
	worst := t.worstOf(s)
	if (worst != "") == s.failed {
		return
	}
	s.failed = worst != ""
	event := componentstatus.NewEvent(componentstatus.StatusOK)
	if s.failed {
		event = componentstatus.NewRecoverableErrorEvent(errors.New(worst))
	}
	_ = t.recovery.Run("reporting a status", func() { s.Status(event) })
}

// worstOf returns the message of an active condition of a source that is no warning, or "".
func (t *Tracker) worstOf(s *source) string {
	name := s.name()
	t.mu.Lock()
	defer t.mu.Unlock()
	worst := numNames
	message := ""
	for k, st := range t.states {
		if k.component == name && st.active && !st.Warning && k.name < worst {
			worst, message = k.name, st.Message
		}
	}
	return message
}

// Active returns the conditions that have begun and not ended, in a fixed order.
func (t *Tracker) Active() []Active {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Active
	for k, st := range t.states {
		if st.active {
			all = append(all, Active{st.Finding, k.component, !st.matched})
		}
	}
	slices.SortFunc(all, func(a, b Active) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Component, b.Component))
	})
	return all
}
