// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package memory

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

func labels(n int) []message.Label {
	return []message.Label{{Name: "k", Value: strings.Repeat("v", n)}}
}

func TestMemory_ForgetsTheLeastUsed(t *testing.T) {
	a := New(Settings{Families: 2, Targets: 2, Bytes: 1 << 20}).Of("a")
	for _, name := range []string{"x", "y"} {
		a.SetFamily(name, message.Metadata{Help: name})
		a.SetTarget(Target{Job: name}, labels(1))
	}
	_, ok := a.Family("x")
	require.True(t, ok)
	require.NotEmpty(t, a.Target(Target{Job: "x"}))
	a.SetFamily("z", message.Metadata{})
	a.SetTarget(Target{Job: "z"}, labels(1))
	_, ok = a.Family("y")
	assert.False(t, ok)
	assert.Empty(t, a.Target(Target{Job: "y"}))
	_, ok = a.Family("x")
	assert.True(t, ok)
	assert.NotEmpty(t, a.Target(Target{Job: "x"}))
}

// A tenant that floods the memory makes itself forgotten, and not others.
func TestMemory_BytesAreThoseOfTheLargestTenant(t *testing.T) {
	const most = 1 << 20
	m := New(Settings{Families: 1 << 20, Targets: 1 << 20, Bytes: most})
	small := m.Of("small")
	small.SetFamily("x", message.Metadata{Help: "kept"})
	small.SetTarget(Target{Job: "j"}, labels(10))
	flood := m.Of("flood")
	for i := range 5000 {
		flood.SetFamily(strconv.Itoa(i), message.Metadata{Help: strings.Repeat("h", 1000)})
		flood.SetTarget(Target{Job: strconv.Itoa(i)}, labels(1000))
		require.LessOrEqual(t, m.Bytes(), int64(most))
	}
	_, ok := small.Family("x")
	assert.True(t, ok)
	assert.NotEmpty(t, small.Target(Target{Job: "j"}))
	_, ok = flood.Family("4999")
	assert.True(t, ok, "the newest is there")
	_, ok = flood.Family("0")
	assert.False(t, ok)
}

func TestMemory_BytesCountEachEntryOnce(t *testing.T) {
	m := New(Settings{Families: 10, Targets: 10, Bytes: 1 << 20})
	a := m.Of("a")
	a.SetTarget(Target{Job: "j"}, labels(100))
	before := m.Bytes()
	for i := range 100 {
		a.SetTarget(Target{Job: "j"}, labels(100+i%2))
		a.SetFamily("x", message.Metadata{Help: strconv.Itoa(i % 10)})
	}
	assert.InDelta(t, before+sizeOfFamily("x", message.Metadata{Help: "0"}), m.Bytes(), 2)
	a.SetTarget(Target{Job: "j"}, nil)
	assert.Empty(t, a.Target(Target{Job: "j"}))
	assert.Less(t, m.Bytes(), before+300)
}

func TestMemory_BoundsTexts(t *testing.T) {
	a := New(Settings{Families: 10, Targets: 10, Bytes: 1 << 20}).Of("a")
	a.SetFamily("x", message.Metadata{Help: strings.Repeat("ä", 2000)})
	meta, _ := a.Family("x")
	assert.Equal(t, strings.Repeat("ä", maxText/2), meta.Help)
	a.SetFamily(strings.Repeat("n", maxText+1), message.Metadata{})
	_, ok := a.Family(strings.Repeat("n", maxText+1))
	assert.False(t, ok)
	a.SetTarget(Target{Job: "j"}, labels(10))
	a.SetTarget(Target{Job: "j"}, labels(maxTarget))
	assert.Empty(t, a.Target(Target{Job: "j"}), "older labels would be wrong")
}

func TestMemory_ForgetsTenantsThatDoNotSend(t *testing.T) {
	now := time.Unix(0, 0)
	m := New(Settings{Families: 10, Targets: 10, Bytes: 1 << 20, Now: func() time.Time { return now }})
	m.Of("gone").SetFamily("x", message.Metadata{})
	now = now.Add(idleTime)
	m.Of("here").SetFamily("x", message.Metadata{})
	now = now.Add(idleTime)
	m.Of("here").SetFamily("y", message.Metadata{})
	_, ok := m.Of("gone").Family("x")
	assert.False(t, ok)
	_, ok = m.Of("here").Family("x")
	assert.True(t, ok)
	assert.Equal(t, tenantOverhead+2*sizeOfFamily("x", message.Metadata{}), m.Bytes())
}

func TestMemory_PendingIsBounded(t *testing.T) {
	m := New(Settings{Families: 10, Targets: 10, Bytes: 1 << 20})
	a := m.Of("a")
	one := func(i int) []Pending {
		return []Pending{{Name: strconv.Itoa(i), Exemplars: []message.Exemplar{{Value: float64(i)}}}}
	}
	dropped := 0
	for i := range maxPending + 10 {
		dropped += a.KeepExemplars(one(i))
	}
	assert.Equal(t, 10, dropped)
	all := a.TakeExemplars()
	require.Len(t, all, maxPending)
	assert.Equal(t, "10", all[0].Name, "the oldest are dropped")
	assert.Empty(t, a.TakeExemplars())
	assert.Equal(t, int64(tenantOverhead), m.Bytes())
	many := make([]Pending, 3*maxPending)
	for i := range many {
		many[i] = one(i)[0]
	}
	assert.Equal(t, 2*maxPending, a.KeepExemplars(many))
	assert.Empty(t, m.Of("b").TakeExemplars())
}

func TestMemory_Concurrent(t *testing.T) {
	m := New(Settings{Families: 50, Targets: 50, Bytes: 64 << 10})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			of := m.Of(tenant.ID(strconv.Itoa(i % 2)))
			for n := range 500 {
				of.SetFamily(strconv.Itoa(n), message.Metadata{Help: strings.Repeat("h", n)})
				of.SetTarget(Target{Job: strconv.Itoa(n)}, labels(n))
				of.Family(strconv.Itoa(n / 2))
				of.KeepExemplars([]Pending{{Name: "x"}})
				of.TakeExemplars()
			}
		})
	}
	all.Wait()
	assert.LessOrEqual(t, m.Bytes(), int64(64<<10))
	assert.Positive(t, m.Bytes())
}
