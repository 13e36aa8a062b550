// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// machine is a clock, and processors whose use is what the throttler counts.
type machine struct {
	*throttler
	time time.Time
	cpu  time.Duration
	log  *observer.ObservedLogs
}

// newMachine returns two processors, of which 75 per cent may be used.
func newMachine() *machine {
	core, log := observer.New(zap.InfoLevel)
	m := &machine{throttler: newThrottler(2, 75, zap.New(core)), time: time.Unix(1_000_000, 0), log: log}
	m.now = func() time.Time { return m.time }
	m.measure = func() usage { return usage{processor: m.cpu} }
	return m
}

// run lets each tenant use the given number of processors in small steps, and returns how
// much each could use. A tenant uses nothing during a pause.
func (m *machine) run(d time.Duration, wants map[tenant.ID]float64) map[tenant.ID]float64 {
	const step = time.Millisecond
	got := map[tenant.ID]float64{}
	until := map[tenant.ID]time.Time{}
	for end := m.time.Add(d); m.time.Before(end); m.time = m.time.Add(step) {
		for id, part := range wants {
			if m.time.Before(until[id]) {
				continue
			}
			own := &m.unauthenticated
			if id != "unauthenticated" {
				own = m.account(id)
			}
			work := time.Duration(part * float64(step))
			m.cpu += work
			own.use(work)
			got[id] += work.Seconds() / d.Seconds()
			until[id] = m.time.Add(own.pause())
		}
	}
	return got
}

// The values of wants are numbers of processors.
func TestThrottler_ThrottlesTheTenantThatUsesMost(t *testing.T) {
	for name, test := range map[string]struct {
		wants     map[tenant.ID]float64
		throttled []tenant.ID
	}{
		"the only tenant": {map[tenant.ID]float64{"a": 2}, nil},
		"two that use all processors": {
			map[tenant.ID]float64{"a": 1.9, "b": 0.1}, []tenant.ID{"a"},
		},
		"one that uses much and many that use little": {
			map[tenant.ID]float64{"a": 1.8, "b": 0.05, "c": 0.05, "d": 0.05, "e": 0.05}, []tenant.ID{"a"},
		},
		"not more than may be used":    {map[tenant.ID]float64{"a": 1.3, "b": 0.1}, nil},
		"all the same":                 {map[tenant.ID]float64{"a": 0.5, "b": 0.5, "c": 0.5, "d": 0.5}, nil},
		"unauthenticated":              {map[tenant.ID]float64{"unauthenticated": 1.9, "b": 0.1}, []tenant.ID{"unauthenticated"}},
		"only unauthenticated callers": {map[tenant.ID]float64{"unauthenticated": 2}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine()
			m.run(3*time.Second, test.wants)
			got := m.run(5*time.Second, test.wants)
			sum := 0.0
			for id, part := range test.wants {
				sum += got[id]
				isThrottled := false
				for _, other := range test.throttled {
					isThrottled = isThrottled || other == id
				}
				if isThrottled {
					assert.Less(t, got[id], 0.9*part, "%s is throttled", id)
					assert.GreaterOrEqual(t, got[id], 0.45*2, "%s keeps half of the processors", id)
				} else {
					assert.InDelta(t, part, got[id], 0.02*part, "%s is not throttled", id)
				}
			}
			if len(test.throttled) == 0 {
				assert.Zero(t, m.stats.nanosSum())
				return
			}
			assert.InDelta(t, 1.5, sum, 0.15, "three quarters of the processors are used")
			m.prune()
			assert.EqualValues(t, len(test.throttled), m.stats.tenants.Load())
			entries := m.log.FilterMessageSnippet("The processors are overloaded").All()
			require.NotEmpty(t, entries, "the throttling is logged")
			assert.LessOrEqual(t, len(entries), 1+8, "but not each time")
		})
	}
}

// accounts returns the number of tenants with an account.
func (t *throttler) accounts() (n int) {
	t.tenants.Range(func(any, any) bool {
		n++
		return true
	})
	return n
}

// nanosSum returns the sum of the pauses in nanoseconds.
func (t *throttleStats) nanosSum() int64 { return t.nanos.Load() }

func TestThrottler_EndsTheLimitAndPrunesTenantsAfterAnAttack(t *testing.T) {
	m := newMachine()
	m.run(2*time.Second, map[tenant.ID]float64{"a": 1.9, "b": 0.1})
	require.NotZero(t, m.limit.Load())
	m.run(60*time.Second, map[tenant.ID]float64{"b": 0.1, "c": 0.1})
	assert.Zero(t, m.limit.Load(), "there is no limit while processors are free")
	assert.Equal(t, 2, m.accounts())
	assert.EqualValues(t, 2, m.active.Load())
	for range 2 {
		m.time = m.time.Add(time.Hour)
		m.prune()
	}
	assert.Zero(t, m.accounts())
	assert.Zero(t, m.active.Load())
	assert.Zero(t, m.stats.tenants.Load())
}

// Goroutines wait although this process uses little, because other processes use the
// processors of the machine.
func TestThrottler_DetectsScarceProcessorsByWaits(t *testing.T) {
	m := newMachine()
	buckets := []float64{0, 1e-5, 2e-3, 1}
	n := uint64(0)
	m.measure = func() usage {
		n += 100
		return usage{processor: m.cpu, latencies: latencies{counts: []uint64{n, n, n}, buckets: buckets}}
	}
	m.run(time.Second, map[tenant.ID]float64{"a": 0.6, "b": 0.1})
	assert.NotZero(t, m.limit.Load())

	m = newMachine()
	m.target = 0
	m.run(time.Second, map[tenant.ID]float64{"a": 1.9, "b": 0.1})
	assert.Zero(t, m.limit.Load(), "it is turned off")
}

func TestLatencies_Since(t *testing.T) {
	w := func(counts ...uint64) latencies {
		return latencies{counts: counts, buckets: []float64{0, 0.001, 0.002, 0.003}}
	}
	assert.Equal(t, time.Millisecond, w(80, 20, 0).since(w(0, 0, 0)))
	assert.Equal(t, 2*time.Millisecond, w(180, 20, 20).since(w(100, 20, 0)))
	assert.Zero(t, w(95, 5, 0).since(w(0, 0, 0)))
	assert.Zero(t, w(5, 5, 5).since(w(0, 0, 0)), "too few to measure")
	assert.Zero(t, w(80, 20, 0).since(latencies{}), "nothing to compare with")
}

func TestMeasureUsage(t *testing.T) {
	measure := measureUsage()
	first := measure()
	require.NotEmpty(t, first.latencies.counts)
	for range 1000 {
		done := make(chan struct{})
		go close(done)
		<-done
	}
	second, sum := measure(), uint64(0)
	for i, n := range second.latencies.counts {
		sum += n - first.latencies.counts[i]
	}
	assert.NotZero(t, sum, "the earlier measurement is not overwritten")
	assert.GreaterOrEqual(t, second.processor, first.processor)
}
