package guard

import (
	"context"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// machine is a clock, and processors of which as much is used as is counted.
type machine struct {
	*shares
	time time.Time
	cpu  time.Duration
	log  *observer.ObservedLogs
}

// newMachine has two processors, of which 75 per cent may be used.
func newMachine() *machine {
	core, log := observer.New(zap.InfoLevel)
	m := &machine{shares: newShares(2, 75, zap.New(core)), time: time.Unix(1_000_000, 0), log: log}
	m.now = func() time.Time { return m.time }
	m.measure = func() usage { return usage{processor: m.cpu} }
	return m
}

// run has each tenant use as much of a second as it wants, in steps, and returns how
// much each got. A tenant that has to pause uses nothing meanwhile.
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
				own = m.of(id)
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

// TestShares_SlowsDownWhoUsesMost has tenants want as many processors as the table says.
func TestShares_SlowsDownWhoUsesMost(t *testing.T) {
	for name, test := range map[string]struct {
		wants  map[tenant.ID]float64
		slowed []tenant.ID
	}{
		"one that is alone": {map[tenant.ID]float64{"a": 2}, nil},
		"two that use as much as there is": {
			map[tenant.ID]float64{"a": 1.9, "b": 0.1}, []tenant.ID{"a"},
		},
		"one that uses much beside many that use little": {
			map[tenant.ID]float64{"a": 1.8, "b": 0.05, "c": 0.05, "d": 0.05, "e": 0.05}, []tenant.ID{"a"},
		},
		"not more than may be used":              {map[tenant.ID]float64{"a": 1.3, "b": 0.1}, nil},
		"all the same":                           {map[tenant.ID]float64{"a": 0.5, "b": 0.5, "c": 0.5, "d": 0.5}, nil},
		"unauthenticated":                        {map[tenant.ID]float64{"unauthenticated": 1.9, "b": 0.1}, []tenant.ID{"unauthenticated"}},
		"unauthenticated callers that are alone": {map[tenant.ID]float64{"unauthenticated": 2}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine()
			m.run(3*time.Second, test.wants)
			got := m.run(5*time.Second, test.wants)
			sum := 0.0
			for id, part := range test.wants {
				sum += got[id]
				isSlowed := false
				for _, other := range test.slowed {
					isSlowed = isSlowed || other == id
				}
				if isSlowed {
					assert.Less(t, got[id], 0.9*part, "%s is slowed down", id)
					assert.GreaterOrEqual(t, got[id], 0.45*2, "%s keeps half of the processors", id)
				} else {
					assert.InDelta(t, part, got[id], 0.02*part, "%s is not slowed down", id)
				}
			}
			if len(test.slowed) == 0 {
				assert.Zero(t, m.stats.nanosSum())
				return
			}
			assert.InDelta(t, 1.5, sum, 0.15, "three quarters of the processors are used")
			m.expire()
			assert.EqualValues(t, len(test.slowed), m.stats.tenants.Load())
			entries := m.log.FilterMessageSnippet("The processors are overloaded").All()
			require.NotEmpty(t, entries, "the log says so")
			assert.LessOrEqual(t, len(entries), 1+8, "but not always")
		})
	}
}

// remembered returns how many tenants are.
func (s *shares) remembered() (n int) {
	s.tenants.Range(func(any, any) bool {
		n++
		return true
	})
	return n
}

// nanosSum returns the pauses in nanoseconds.
func (t *throttleStats) nanosSum() int64 { return t.nanos.Load() }

// TestShares_ForgetsLimitAndTenants ends an attack.
func TestShares_ForgetsLimitAndTenants(t *testing.T) {
	m := newMachine()
	m.run(2*time.Second, map[tenant.ID]float64{"a": 1.9, "b": 0.1})
	require.NotZero(t, m.limit.Load())
	m.run(60*time.Second, map[tenant.ID]float64{"b": 0.1, "c": 0.1})
	assert.Zero(t, m.limit.Load(), "nothing is limited when there is enough")
	assert.Equal(t, 2, m.remembered())
	assert.EqualValues(t, 2, m.active.Load())
	for range 2 {
		m.time = m.time.Add(time.Hour)
		m.expire()
	}
	assert.Zero(t, m.remembered())
	assert.Zero(t, m.active.Load())
	assert.Zero(t, m.stats.tenants.Load())
}

// TestShares_WaitsMeanShort has goroutines wait although the process uses little, as
// where others use the processors of the machine.
func TestShares_WaitsMeanShort(t *testing.T) {
	m := newMachine()
	buckets := []float64{0, 1e-5, 2e-3, 1}
	n := uint64(0)
	m.measure = func() usage {
		n += 100
		return usage{processor: m.cpu, waits: waits{counts: []uint64{n, n, n}, buckets: buckets}}
	}
	m.run(time.Second, map[tenant.ID]float64{"a": 0.6, "b": 0.1})
	assert.NotZero(t, m.limit.Load())

	m = newMachine()
	m.target = 0
	m.run(time.Second, map[tenant.ID]float64{"a": 1.9, "b": 0.1})
	assert.Zero(t, m.limit.Load(), "it is turned off")
}

func TestWaits_Since(t *testing.T) {
	w := func(counts ...uint64) waits { return waits{counts: counts, buckets: []float64{0, 0.001, 0.002, 0.003}} }
	assert.Equal(t, time.Millisecond, w(80, 20, 0).since(w(0, 0, 0)))
	assert.Equal(t, 2*time.Millisecond, w(180, 20, 20).since(w(100, 20, 0)))
	assert.Zero(t, w(95, 5, 0).since(w(0, 0, 0)))
	assert.Zero(t, w(5, 5, 5).since(w(0, 0, 0)), "too few say nothing")
	assert.Zero(t, w(80, 20, 0).since(waits{}), "nothing to compare with")
}

func TestMeasureUsage(t *testing.T) {
	measure := measureUsage()
	first := measure()
	require.NotEmpty(t, first.waits.counts)
	for range 1000 {
		done := make(chan struct{})
		go close(done)
		<-done
	}
	second, sum := measure(), uint64(0)
	for i, n := range second.waits.counts {
		sum += n - first.waits.counts[i]
	}
	assert.NotZero(t, sum, "the earlier measurement is not overwritten")
	assert.GreaterOrEqual(t, second.processor, first.processor)
}

// bytesOf is a connection that always has something to read.
type bytesOf struct {
	net.Conn
	addr  net.Addr
	reads atomic.Int64
	most  atomic.Int64 // of the last Read
}

func (c *bytesOf) Read(p []byte) (int, error) {
	c.reads.Add(1)
	c.most.Store(int64(len(p)))
	return len(p), nil
}
func (c *bytesOf) RemoteAddr() net.Addr { return c.addr }
func (*bytesOf) Close() error           { return nil }

// TestConn_PausesWhileItsOwnerUsesTooMuch reads and works one millisecond for each read.
func TestConn_PausesWhileItsOwnerUsesTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Settings{})
		g.shares.target = 0 // the limit of the test stays
		raw := &bytesOf{addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}}
		c, _, ok := g.conns.add(raw)
		require.True(t, ok)
		defer c.Close()
		const working = time.Millisecond
		buf := make([]byte, 8<<10)
		reads := func(d time.Duration) (n int64) {
			before := raw.reads.Load()
			for end := time.Now().Add(d); time.Now().Before(end); {
				_, err := c.Read(buf)
				require.NoError(t, err)
				time.Sleep(working)
			}
			return raw.reads.Load() - before
		}
		a, b := g.shares.of("a"), g.shares.of("b")
		c.ownedBy(a)
		assert.EqualValues(t, 500, reads(500*time.Millisecond), "nothing is limited")
		g.shares.limit.Store(int64(100 * time.Millisecond)) // a tenth of a processor
		g.shares.of("a")
		g.shares.of("b")
		n := reads(time.Second)
		assert.InDelta(t, 110, n, 10)
		assert.EqualValues(t, smallRead, raw.most.Load(), "little work at a time")
		_, paused, _ := g.Throttled()
		assert.Greater(t, paused, 800*time.Millisecond)

		g.shares.of("a")
		g.shares.of("b")
		c.ownedBy(b)
		assert.EqualValues(t, 200, reads(200*time.Millisecond), "a connection of several tenants, as of a proxy, never pauses")
	})
}

// TestConn_KeepsItsTenantWhoseShareWasForgotten has a tenant pause for longer than an idle
// share is kept.
func TestConn_KeepsItsTenantWhoseShareWasForgotten(t *testing.T) {
	g := New(Settings{})
	c, _, ok := g.conns.add(&bytesOf{addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}})
	require.True(t, ok)
	defer c.Close()
	before := g.shares.of("a")
	c.ownedBy(before)
	g.shares.tenants.Delete(tenant.ID("a"))
	after := g.shares.of("a")
	require.NotSame(t, before, after)
	c.ownedBy(after)
	assert.Same(t, after, c.owner.Load(), "it is not one of several tenants")
	c.ownedBy(g.shares.of("b"))
	assert.Nil(t, c.owner.Load())
}

// TestConn_UnauthenticatedPausesAfterAWhile has a flood of unauthenticated clients use all there is.
func TestConn_UnauthenticatedPausesAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Settings{})
		g.shares.target = 0
		g.shares.of("a") // somebody waits
		g.shares.limit.Store(int64(time.Millisecond))
		g.shares.unauthenticated.use(time.Second)
		c, _, ok := g.conns.add(&bytesOf{addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}})
		require.True(t, ok)
		defer c.Close()
		began := time.Now()
		read := func() time.Duration {
			_, err := c.Read(make([]byte, 100))
			require.NoError(t, err)
			return time.Since(began)
		}
		read()
		assert.Zero(t, read(), "a new connection that has done little does not wait")
		time.Sleep(unauthenticatedWork)
		began = time.Now()
		assert.Equal(t, maxPause, read())
	})
}

// TestRequest_WaitsWhileItsTenantUsesTooMuch needs no connection of the tenant's own.
func TestRequest_WaitsWhileItsTenantUsesTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Settings{})
		g.shares.target = 0
		took := func(id tenant.ID) time.Duration {
			began := time.Now()
			admit(asTenant(id), t, g).Release()
			return time.Since(began)
		}
		assert.Zero(t, took("a")+took("b"))
		g.shares.limit.Store(int64(100 * time.Millisecond))
		g.shares.of("a").use(time.Second)
		assert.Equal(t, maxPause, took("a"))
		assert.Zero(t, took("b"))
	})
}

// TestPace_Yields has a connection bring data without a pause.
func TestPace_Yields(t *testing.T) {
	g := New(Settings{})
	c, _, ok := g.conns.add(&bytesOf{addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}})
	require.True(t, ok)
	defer c.Close()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var ran atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		ran.Store(true)
	}()
	for range 5 { // the scheduler takes who has just yielded first now and then
		_, err := c.Read(make([]byte, 1))
		require.NoError(t, err)
	}
	assert.True(t, ran.Load(), "another goroutine that is ready waits")
	<-done
}

func TestPace_WindowFollowsTheWork(t *testing.T) {
	var p pace
	assert.Equal(t, smallRead, p.window(0), "at first")
	for want := 2 * smallRead; want <= largeRead; want *= 2 {
		p.afterRead(want / 2)
		assert.Equal(t, want, p.window(time.Microsecond), "bodies")
	}
	p.afterRead(largeRead)
	assert.Equal(t, largeRead, p.window(time.Microsecond))
	p.afterRead(100)
	assert.Equal(t, largeRead, p.window(time.Microsecond), "the end of a body")
	p.afterRead(100)
	assert.Equal(t, largeRead, p.window(100*time.Microsecond), "a call")
	p.afterRead(1000)
	assert.Equal(t, smallRead, p.window(100*time.Microsecond), "calls")
}

func TestGate_ForgetsWhoDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(func() int { return 1 })
		require.NoError(t, g.enter(t.Context(), "a"))
		ctx, cancel := contextWithCancel(t)
		ended := make(chan error)
		go func() { ended <- g.enter(ctx, "a") }()
		go func() { ended <- g.enter(t.Context(), "b") }()
		synctest.Wait()
		assert.Equal(t, 2, g.waits())
		cancel()
		require.Error(t, <-ended)
		assert.Equal(t, 1, g.waits())
		g.leave()
		require.NoError(t, <-ended)
		g.leave()
		assert.Zero(t, g.busy)
		assert.Empty(t, g.order)
		assert.Empty(t, g.waiting)
	})
}

// TestLarge_LeavesAProcessorWhileOthersAreThere counts who may compute at a time.
func TestLarge_LeavesAProcessorWhileOthersAreThere(t *testing.T) {
	g := New(Settings{LargeRequest: 100})
	large := make([]byte, 100)
	most := g.large.places()
	begin := func(id tenant.ID) (*Request, error) {
		r := admit(asTenant(id), t, g)
		ctx := r.Context(t.Context())
		require.NoError(t, r.grown(int64(len(large))))
		assert.True(t, r.turn)
		r.Computed()
		assert.False(t, r.turn)
		end, err := Compute(ctx)
		if err == nil {
			end()
		}
		return r, err
	}
	r, err := begin("a")
	require.NoError(t, err)
	r.Release()
	admit(asTenant("b"), t, g).Release()
	assert.Equal(t, max(1, most-1), g.large.places())
	assert.Zero(t, g.large.busy)

	for range g.large.places() {
		require.NoError(t, g.large.enter(t.Context(), "c"))
	}
	ctx, cancel := contextWithCancel(t)
	cancel()
	r = admit(asTenant("a"), t, g)
	r.ctx, r.large = ctx, true
	_, err = Compute(r.Context(ctx))
	require.ErrorIs(t, err, ctx.Err())
	_, err = r.Check(false, large)
	assert.Equal(t, rejection.Canceled, rejection.From(err).Reason())
	r.Release()
	small := admit(asTenant("a"), t, g)
	_, err = small.Check(true, []byte("{}"))
	require.NoError(t, err, "a small request waits for no large one")
	end, err := Compute(small.Context(t.Context()))
	require.NoError(t, err)
	end()
	small.Release()
	end, err = Compute(t.Context())
	require.NoError(t, err, "other receivers have no request")
	end()
}

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}
