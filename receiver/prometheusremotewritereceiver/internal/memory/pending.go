// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package memory

import (
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

const (
	// maxPending is how many series of a tenant may have exemplars that wait.
	maxPending = 1024

	pendingOverhead  = 200
	exemplarOverhead = 64
)

// Pending are exemplars that came without a sample of their series, and wait for the next
// one. OTLP has exemplars in data points only.
type Pending struct {
	Target    Target
	Name      string
	Scope     []message.Label
	Labels    []message.Label
	Exemplars []message.Exemplar
}

// KeepExemplars keeps exemplars until TakeExemplars, and returns how many were dropped,
// the oldest first, because too many wait.
func (t *Tenant) KeepExemplars(all []Pending) (dropped int) {
	if len(all) == 0 {
		return 0
	}
	for len(all) > maxPending {
		dropped += len(all[0].Exemplars)
		all = all[1:]
	}
	t.change(func(e *entries) {
		for over := len(e.pending) + len(all) - maxPending; over > 0; over-- {
			dropped += len(e.pending[0].Exemplars)
			t.m.grow(e, -e.pending[0].size())
			e.pending = e.pending[1:]
		}
		for _, p := range all {
			p = p.clone()
			e.pending = append(e.pending, p)
			t.m.grow(e, p.size())
		}
	})
	return dropped
}

// TakeExemplars returns the exemplars that wait, and forgets them.
func (t *Tenant) TakeExemplars() (all []Pending) {
	t.read(func(e *entries) {
		all = e.pending
		t.m.forgetPending(e)
	})
	return all
}

func (m *Memory) forgetPending(e *entries) {
	for _, p := range e.pending {
		m.grow(e, -p.size())
	}
	e.pending = nil
}

func (p *Pending) size() int64 {
	n := pendingOverhead + len(p.Target.Job) + len(p.Target.Instance) + len(p.Name) + sizeOfLabels(p.Scope) + sizeOfLabels(p.Labels)
	for i := range p.Exemplars {
		n += exemplarOverhead + sizeOfLabels(p.Exemplars[i].Labels)
	}
	return int64(n)
}

func sizeOfLabels(labels []message.Label) (n int) {
	for _, l := range labels {
		n += labelOverhead + len(l.Name) + len(l.Value)
	}
	return n
}

// clone returns a copy that uses no memory of a message.
func (p *Pending) clone() Pending {
	exemplars := make([]message.Exemplar, len(p.Exemplars))
	for i, e := range p.Exemplars {
		e.Labels = cloneLabels(e.Labels)
		exemplars[i] = e
	}
	return Pending{
		Target: Target{strings.Clone(p.Target.Job), strings.Clone(p.Target.Instance)}, Name: strings.Clone(p.Name),
		Scope: cloneLabels(p.Scope), Labels: cloneLabels(p.Labels), Exemplars: exemplars,
	}
}

func cloneLabels(labels []message.Label) []message.Label {
	kept := make([]message.Label, len(labels))
	for i, l := range labels {
		kept[i] = message.Label{Name: strings.Clone(l.Name), Value: strings.Clone(l.Value)}
	}
	return kept
}
