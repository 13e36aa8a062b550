// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

var start = time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)

// clock is a clock that a test sets.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func snapshotOf(tb testing.TB, tenants ...*tenant.Tenant) *tenant.Snapshot {
	tb.Helper()
	s, err := tenant.NewSnapshot(tenants, "hash")
	require.NoError(tb, err)
	return s
}

func acme() *tenant.Tenant {
	return &tenant.Tenant{ID: "acme", Status: tenant.StatusActive, Keys: []*tenant.Key{{ID: "k1", Digest: tenant.Digest{1}}}}
}

func tcp(addr string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)) }

func TestTracker_KeepsRecordsWhileTheRegistryHasTheTenant(t *testing.T) {
	c := &clock{start}
	tracker := activity.NewTracker(c.Now)
	assert.Nil(t, tracker.Tenant("acme"), "no registry was loaded")
	tracker.Follow(snapshotOf(t, acme()))
	tracker.Tenant("acme").Accept(&activity.Accepted{Signal: tenant.Logs, Records: 3, Bytes: 100, Time: start})
	tracker.Key("k1").Use(start, tcp("192.0.2.1:1"), nil)

	tracker.Follow(snapshotOf(t, acme(), &tenant.Tenant{ID: "beta", Status: tenant.StatusActive}))
	logs := tracker.Tenant("acme").Signal(tenant.Logs)
	assert.Equal(t, activity.SignalView{LastAccepted: &start, Requests: 1, Records: 3, Bytes: 100}, logs)
	assert.Equal(t, start, tracker.Key("k1").LastUse())
	assert.True(t, tracker.Tenant("beta").LastAccepted().IsZero())

	deleted := acme()
	deleted.Status = tenant.StatusDeleted
	tracker.Follow(snapshotOf(t, deleted))
	assert.Nil(t, tracker.Tenant("acme"))
	assert.Nil(t, tracker.Key("k1"))
	assert.Nil(t, tracker.Tenant("beta"))
	assert.Empty(t, tracker.Records())
}

func TestTracker_NilDoesNothing(t *testing.T) {
	var tracker *activity.Tracker
	tracker.Follow(nil)
	tracker.PostRejection(rejection.Rejected{Tenant: "acme"})
	tracker.Tenant("acme").Accept(&activity.Accepted{})
	tracker.Key("k1").Use(start, nil, nil)
	tracker.PostDeliveries(component.MustNewID("x"), nil)()
	tracker.PostQuotas(component.MustNewID("x"), nil)()
	assert.Empty(t, tracker.Tenant("acme").Rejections())
	assert.Empty(t, tracker.Key("k1").Sources())
	assert.Empty(t, tracker.Unknown())
	assert.Nil(t, tracker.QuotasOf(acme()))
}

func TestTracker_CountsRejectionsByReasonWithTheLastExample(t *testing.T) {
	c := &clock{start}
	tracker := activity.NewTracker(c.Now)
	tracker.Follow(snapshotOf(t, acme()))
	reject := func(reason, text string) {
		tracker.PostRejection(rejection.Rejected{
			Tenant: "acme", KeyID: "k1", Reason: reason, Text: text, Records: 7, Bytes: 99,
			Signal: tenant.NewSignals(tenant.Logs), Client: tcp("192.0.2.1:40000"),
		})
	}
	reject("rate", "over the limit of 10 log records per second")
	c.now = start.Add(time.Second)
	reject("rate", "over\x1b[31m the limit of 20 "+strings.Repeat("x", 1000))
	c.now = start.Add(2 * time.Second)
	reject("suspended", "the tenant is suspended")
	all := tracker.Tenant("acme").Rejections()
	require.Len(t, all, 2)
	assert.Equal(t, activity.Rejection{
		Reason: "suspended", Status: 403, Count: 1, First: c.now, Last: c.now,
		Example: activity.Example{Client: "192.0.2.1", KeyID: "k1", Signal: "logs", Records: 7, Bytes: 99, Text: "the tenant is suspended"},
	}, all[0])
	rate := all[1]
	assert.Equal(t, []any{"rate", 429, int64(2), start, start.Add(time.Second)}, []any{rate.Reason, rate.Status, rate.Count, rate.First, rate.Last})
	assert.NotContains(t, rate.Example.Text, "\x1b")
	assert.LessOrEqual(t, len(rate.Example.Text), 300)

	c.now = start.Add(time.Hour)
	reject("rate", "again")
	last, ok := tracker.Tenant("acme").LastRejection()
	require.True(t, ok)
	assert.Equal(t, c.now, last.First, "a new period after a pause")
	assert.Equal(t, int64(3), last.Count)
}

// Callers without a key, and those of a deleted tenant, cannot add records of tenants.
func TestTracker_KeepsTheTimesOfTheLastUnknownRequests(t *testing.T) {
	c := &clock{start}
	tracker := activity.NewTracker(c.Now)
	var times []time.Time
	for range 5 {
		c.now = c.now.Add(time.Second)
		times = append(times, c.now)
		tracker.PostRejection(rejection.Rejected{Reason: "unknown_key", Client: tcp("192.0.2.1:1")})
		all := tracker.Unknown()
		require.Len(t, all, 1)
		assert.Equal(t, times[max(0, len(times)-3):], all[0].Recent)
	}
}

func TestTracker_BoundsUnknownCallers(t *testing.T) {
	c := &clock{start}
	tracker := activity.NewTracker(c.Now)
	tracker.Follow(snapshotOf(t, acme()))
	for i := range 1000 {
		c.now = c.now.Add(time.Second)
		tracker.PostRejection(rejection.Rejected{Reason: "unknown_key", Client: tcp(fmt.Sprintf("192.0.%d.%d:1", i/250, i%250))})
	}
	tracker.PostRejection(rejection.Rejected{Tenant: "gone", KeyID: "k9", Reason: "tenant_deleted", Client: tcp("[2001:db8::7]:1")})
	for i := range 100 {
		tracker.PostRejection(rejection.Rejected{Reason: fmt.Sprint("reason ", i), Client: tcp("[2001:db8::7]:1")})
	}
	all := tracker.Unknown()
	require.Len(t, all, 64)
	byNetwork := map[string]activity.Unknown{}
	for _, u := range all {
		byNetwork[u.Source] = u
	}
	v6 := byNetwork["2001:db8::/64"]
	assert.Equal(t, int64(101), v6.Count)
	assert.Len(t, v6.Reasons, 8)
	assert.Equal(t, int64(1), byNetwork["192.0.3.249"].Count, "the latest are kept")
	assert.Len(t, tracker.Records(), 1)
}

func TestKey_RemembersTheLatestSources(t *testing.T) {
	tracker := activity.NewTracker(time.Now)
	tracker.Follow(snapshotOf(t, acme()))
	k := tracker.Key("k1")
	now := start
	use := func(addr, agent string) {
		now = now.Add(time.Second)
		k.Use(now, tcp(addr), map[string][]string{"User-Agent": {agent}})
	}
	use("192.0.2.1:1", "agent/1\n\x1b[2Jforged")
	k.Use(now, tcp("192.0.2.99:1"), nil) // within the same second
	for i := range 20 {
		use(fmt.Sprintf("192.0.2.%d:1", 100+i), strings.Repeat("ü", 100))
		use("192.0.2.1:2", "agent/1\n\x1b[2Jforged")
	}
	all := k.Sources()
	require.Len(t, all, 8)
	assert.Equal(t, netip.MustParseAddr("192.0.2.1"), all[0].Address)
	assert.Equal(t, start.Add(time.Second), all[0].First)
	assert.Equal(t, now, all[0].Last)
	assert.NotContains(t, all[0].UserAgent, "\x1b")
	for _, s := range all {
		assert.NotEqual(t, "192.0.2.99", s.Address.String())
		assert.LessOrEqual(t, len(s.UserAgent), 120)
	}
	assert.Equal(t, start.Add(time.Second), k.FirstUse())
	k.Use(start, nil, nil) // the clock was set back
	assert.Equal(t, now, k.LastUse())
}

func TestRecord_NotesAClockThatIsAhead(t *testing.T) {
	tracker := activity.NewTracker(time.Now)
	tracker.Follow(snapshotOf(t, acme()))
	r := tracker.Tenant("acme")
	accept := func(ahead time.Duration) {
		r.Accept(&activity.Accepted{Signal: tenant.Logs, KeyID: "k1", Time: start, Newest: start.Add(ahead).UnixNano()})
	}
	accept(time.Minute)
	assert.Nil(t, r.Ahead(), "clocks differ by a little")
	accept(2 * time.Hour)
	accept(0) // of another machine
	assert.Equal(t, &activity.Ahead{KeyID: "k1", By: 2 * time.Hour, Last: start}, r.Ahead())
}

func TestTracker_RestoresWhatItHasSaved(t *testing.T) {
	old := activity.NewTracker(time.Now)
	old.Follow(snapshotOf(t, acme(), &tenant.Tenant{ID: "gone", Status: tenant.StatusActive}))
	old.Tenant("acme").Accept(&activity.Accepted{Signal: tenant.Traces, Records: 1, Time: start})
	old.Tenant("gone").Accept(&activity.Accepted{Signal: tenant.Traces, Records: 1, Time: start})
	old.Key("k1").Use(start, nil, nil)
	saved := old.Save()

	restarted := activity.NewTracker(time.Now)
	restarted.Restore(saved)
	restarted.Follow(snapshotOf(t, acme()))
	assert.Equal(t, start, restarted.Tenant("acme").LastAccepted())
	assert.Equal(t, start, restarted.Key("k1").LastUse())
	assert.Zero(t, restarted.Tenant("acme").Signal(tenant.Traces).Requests, "counts are those since the start")
	assert.Nil(t, restarted.Tenant("gone"))
}

func TestTracker_NowIsTheTimeOfTheLastTick(t *testing.T) {
	c := &clock{start}
	tracker := activity.NewTracker(c.Now)
	assert.Equal(t, start, tracker.Now())
	tracker.Tick(start.Add(time.Second))
	assert.True(t, start.Add(time.Second).Equal(tracker.Now()))
	tracker.Tick(time.Time{})
	assert.Equal(t, start, tracker.Now(), "nothing calls Tick any more")
}

// All methods are called while requests are served.
func TestTracker_IsSafeForConcurrentUse(t *testing.T) {
	tracker := activity.NewTracker(time.Now)
	tracker.Follow(snapshotOf(t, acme()))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 500 {
				now := start.Add(time.Duration(i) * time.Second)
				tracker.Key("k1").Use(now, tcp("192.0.2.1:1"), nil)
				tracker.Tenant("acme").Accept(&activity.Accepted{Signal: tenant.Logs, Records: 1, Time: now, Newest: now.Add(time.Hour).UnixNano()})
				tracker.PostRejection(rejection.Rejected{Tenant: "acme", Reason: "rate"})
				tracker.PostRejection(rejection.Rejected{Reason: "no_key"})
			}
		})
		all.Go(func() {
			for range 100 {
				tracker.Follow(snapshotOf(t, acme()))
				tracker.Save()
				tracker.Unknown()
				tracker.Tenant("acme").Rejections()
				tracker.Key("k1").Sources()
				tracker.Tenant("acme").Ahead()
			}
		})
	}
	all.Wait()
	assert.Equal(t, int64(2000), tracker.Tenant("acme").Signal(tenant.Logs).Records)
	assert.Equal(t, int64(2000), tracker.Tenant("acme").Rejections()[0].Count)
}

// BenchmarkRequest is what the tracker costs for each accepted request.
func BenchmarkRequest(b *testing.B) {
	tenants := make([]*tenant.Tenant, 10_000)
	for i := range tenants {
		id := fmt.Sprintf("tenant-%05d", i)
		tenants[i] = &tenant.Tenant{ID: tenant.ID(id), Status: tenant.StatusActive, Keys: []*tenant.Key{{ID: "k" + id, Digest: tenant.Digest{byte(i), byte(i >> 8)}}}}
	}
	tracker := activity.NewTracker(time.Now)
	tracker.Follow(snapshotOf(b, tenants...))
	now, addr := time.Now(), tcp("192.0.2.1:1")
	headers := map[string][]string{"User-Agent": {"OTel-OTLP-Exporter"}}
	b.Run("use of a key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tracker.Key("ktenant-05000").Use(now, addr, headers)
		}
	})
	b.Run("accepted", func(b *testing.B) {
		tracker.Tick(now)
		defer tracker.Tick(time.Time{})
		b.ReportAllocs()
		for b.Loop() {
			a := activity.Accepted{Signal: tenant.Logs, Records: 100, Bytes: 20_000, Newest: now.UnixNano(), KeyID: "ktenant-05000", Time: tracker.Now()}
			tracker.Tenant("tenant-05000").Accept(&a)
		}
	})
	b.Run("rejected", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tracker.PostRejection(rejection.Rejected{Tenant: "tenant-05000", KeyID: "ktenant-05000", Reason: "rate", Client: addr, Text: "over the limit"})
		}
	})
}
