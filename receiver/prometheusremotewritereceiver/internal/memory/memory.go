// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package memory

import (
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

const (
	// maxText is how many bytes of a help text are kept. Families with a longer name, and
	// targets whose labels have more than maxTarget bytes, are not remembered.
	maxText   = 1 << 10
	maxTarget = 16 << 10

	// entryOverhead is what an entry holds beside its texts.
	entryOverhead  = 200
	labelOverhead  = 32
	tenantOverhead = 1 << 10

	// Tenants that have not sent for idleTime are forgotten.
	idleTime = 2 * time.Hour
)

// Settings are the bounds of a [Memory]. All are positive.
type Settings struct {
	Families int   // of one tenant
	Targets  int   // of one tenant
	Bytes    int64 // of all tenants together

	Now func() time.Time
}

// Memory remembers families and targets. Tenants share nothing but Bytes: what is over it
// is forgotten of the tenant that holds most. It is safe for concurrent use.
type Memory struct {
	set Settings

	mu      sync.Mutex
	tenants map[tenant.ID]*entries
	bytes   int64
	swept   time.Time
}

// Target is a job and an instance.
type Target struct{ Job, Instance string }

// entries are what is remembered of a tenant.
type entries struct {
	families *simplelru.LRU[string, message.Metadata]
	targets  *simplelru.LRU[Target, []message.Label]
	pending  []Pending
	bytes    int64
	used     time.Time
}

// New returns an empty memory.
func New(set Settings) *Memory {
	if set.Now == nil {
		set.Now = time.Now
	}
	return &Memory{set: set, tenants: make(map[tenant.ID]*entries), swept: set.Now()}
}

// Of returns what is remembered of a tenant, for one request. Requests without a tenant are
// all of one.
func (m *Memory) Of(id tenant.ID) *Tenant {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetIdle()
	if e := m.tenants[id]; e != nil {
		e.used = m.set.Now()
	}
	return &Tenant{m: m, id: id}
}

// Bytes returns about how many bytes the memory holds.
func (m *Memory) Bytes() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bytes
}

// Tenant is what is remembered of one tenant. It is safe for concurrent use.
type Tenant struct {
	m  *Memory
	id tenant.ID
}

// SetFamily remembers the metadata of a family.
func (t *Tenant) SetFamily(name string, meta message.Metadata) {
	if len(name) > maxText || len(meta.Unit) > maxText {
		return
	}
	meta.Help = cut(meta.Help)
	t.change(func(e *entries) {
		if old, ok := e.families.Get(name); ok && old == meta {
			return
		}
		e.families.Remove(name) // so that its size is subtracted
		name, meta.Help, meta.Unit = strings.Clone(name), strings.Clone(meta.Help), strings.Clone(meta.Unit)
		e.families.Add(name, meta)
		t.m.grow(e, sizeOfFamily(name, meta))
	})
}

// Family returns the metadata of a family, or false if it is not known.
func (t *Tenant) Family(name string) (meta message.Metadata, ok bool) {
	t.read(func(e *entries) { meta, ok = e.families.Get(name) })
	return meta, ok
}

// SetTarget remembers the labels of a target. Without labels the target is forgotten.
func (t *Tenant) SetTarget(target Target, labels []message.Label) {
	if len(labels) == 0 || sizeOfTarget(target, labels) > maxTarget {
		t.read(func(e *entries) { e.targets.Remove(target) })
		return
	}
	t.change(func(e *entries) {
		if old, ok := e.targets.Get(target); ok && slices.Equal(old, labels) {
			return
		}
		e.targets.Remove(target)
		target = Target{strings.Clone(target.Job), strings.Clone(target.Instance)}
		kept := cloneLabels(labels)
		e.targets.Add(target, kept)
		t.m.grow(e, sizeOfTarget(target, kept))
	})
}

// Target returns the labels of a target, which must not be changed, or nothing if it is
// not known.
func (t *Tenant) Target(target Target) (labels []message.Label) {
	t.read(func(e *entries) { labels, _ = e.targets.Get(target) })
	return labels
}

// read calls f with the entries of the tenant if it has any.
func (t *Tenant) read(f func(*entries)) {
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	if e := t.m.tenants[t.id]; e != nil {
		f(e)
	}
}

// change calls f with the entries of the tenant, and keeps the bounds.
func (t *Tenant) change(f func(*entries)) {
	m := t.m
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.tenants[t.id]
	if e == nil {
		e = m.newEntries()
		e.used = m.set.Now()
		m.tenants[t.id] = e
		m.grow(e, tenantOverhead)
	}
	f(e)
	m.shrink()
}

func (m *Memory) newEntries() *entries {
	e := &entries{}
	// The errors are those of a size that is not positive.
	e.families, _ = simplelru.NewLRU(m.set.Families, func(name string, meta message.Metadata) { m.grow(e, -sizeOfFamily(name, meta)) })
	e.targets, _ = simplelru.NewLRU(m.set.Targets, func(target Target, labels []message.Label) { m.grow(e, -sizeOfTarget(target, labels)) })
	return e
}

func (m *Memory) grow(e *entries, n int64) {
	e.bytes += n
	m.bytes += n
}

// shrink forgets the oldest entries of the tenant that holds most until an eighth is
// free, so that the search for that tenant is rare.
func (m *Memory) shrink() {
	if m.bytes <= m.set.Bytes {
		return
	}
	for m.bytes > m.set.Bytes/8*7 {
		var id tenant.ID
		var most *entries
		for other, e := range m.tenants {
			if most == nil || e.bytes > most.bytes {
				id, most = other, e
			}
		}
		if most == nil {
			return
		}
		m.forgetPending(most)
		most.halve(m.set.Bytes / 8)
		if most.families.Len()+most.targets.Len() == 0 {
			m.grow(most, -most.bytes)
			delete(m.tenants, id)
		}
	}
}

// halve forgets the oldest entries until n bytes are free, but no more than half of them,
// because others may hold more by then.
func (e *entries) halve(n int64) {
	families, targets := (e.families.Len()+1)/2, (e.targets.Len()+1)/2
	for before := e.bytes; before-e.bytes < n && families+targets > 0; {
		if families > 0 {
			e.families.RemoveOldest()
			families--
		}
		if targets > 0 {
			e.targets.RemoveOldest()
			targets--
		}
	}
}

// forgetIdle forgets tenants that do not send any more.
func (m *Memory) forgetIdle() {
	now := m.set.Now()
	if now.Sub(m.swept) < idleTime/4 {
		return
	}
	m.swept = now
	for id, e := range m.tenants {
		if now.Sub(e.used) > idleTime {
			m.bytes -= e.bytes
			delete(m.tenants, id)
		}
	}
}

func sizeOfFamily(name string, meta message.Metadata) int64 {
	return entryOverhead + int64(len(name)+len(meta.Help)+len(meta.Unit))
}

func sizeOfTarget(target Target, labels []message.Label) int64 {
	return int64(entryOverhead + len(target.Job) + len(target.Instance) + sizeOfLabels(labels))
}

// cut returns the beginning of a text that is kept, as valid UTF-8.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	n := maxText
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
