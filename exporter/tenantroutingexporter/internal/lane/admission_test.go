// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// The overhead of an entry counts against the bounds of its lane and of all lanes until the entry
// is released.
func TestAdmit_EntriesCostMoreThanTheirBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.EntryBytes, cfg.MaxTotalBytes = 99, 1<<20
		s := start(t, Settings{Config: cfg})
		end := make(chan struct{})
		d := &stub{answer: func(context.Context, *Batch) Result {
			<-end
			return Result{}
		}}
		for range 10 {
			offer(t, s, one("a", "x", d))
		}
		var full *FullError
		require.ErrorAs(t, s.Offer(t.Context(), []Part{one("a", "x", d)}), &full)
		assert.Equal(t, "lane::max_bytes", full.Rule)
		assert.EqualValues(t, 1000, held(s))
		var large *TooLargeError
		require.ErrorAs(t, s.Offer(t.Context(), []Part{one("b", string(make([]byte, 902)), d)}), &large)
		close(end)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Zero(t, held(s))
		assert.Empty(t, s.usage)
		assert.Zero(t, s.entries)
	})
}

// The index of a store is bounded by MaxMemoryBytes. One tenant may use half of it.
func TestAdmit_TheIndexIsMemoryToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.EntryMemory, cfg.MaxBytes = minIndexBytes/10, 1<<20
		cfg.MaxMemoryBytes = minIndexBytes // data stay in memory: the store gives nothing back
		s := start(t, Settings{Config: cfg, Store: kept{}})
		d := &stub{answer: hang}
		for range 5 {
			offer(t, s, one("a", "x", d))
		}
		var full *FullError
		require.ErrorAs(t, s.Offer(t.Context(), []Part{one("a", "x", d)}), &full)
		assert.Equal(t, "max_memory_bytes", full.Rule)
		require.ErrorAs(t, s.Offer(t.Context(), []Part{one("b", "x", d), one("b", "x", d), one("b", "x", d), one("b", "x", d)}), &full)
		offer(t, s, one("b", "x", d), one("b", "x", d), one("b", "x", d))
	})
}

func TestAdmit_RespectsTheSpaceOfTheStore(t *testing.T) {
	const much = math.MaxInt64 / 2
	isFull := func(err error) bool { var e *FullError; return errors.As(err, &e) && e.Rule == "max_total_bytes" }
	isSpace := func(err error) bool { var e *SpaceError; return errors.As(err, &e) }
	for name, c := range map[string]struct {
		space Space
		holds int              // bytes of the tenant before
		want  func(error) bool // nil: accepted
	}{
		"room":              {Space{Disk: much, Quota: much}, 100, nil},
		"no quota":          {Space{Disk: much, Quota: 110}, 100, isFull},
		"just a quota":      {Space{Disk: much, Quota: 111}, 100, nil},
		"no disk":           {Space{Disk: 110, Quota: much}, 100, isSpace},
		"a share of it":     {Space{Disk: 111, Quota: much}, 100, nil},
		"within the small":  {Space{Disk: -5, Small: 111, Quota: much}, 100, nil},
		"above the small":   {Space{Disk: -5, Small: 110, Quota: much}, 100, isSpace},
		"small and nothing": {Space{Disk: -5, Small: 64, Quota: much}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				full := Space{Disk: much, Quota: much}
				cfg := testConfig()
				cfg.MaxMemoryBytes = 1 << 20 // the store gives nothing back
				s := start(t, Settings{Config: cfg, Store: kept{}, Space: func(tenant.ID) Space { return full }})
				d := &stub{answer: hang}
				if c.holds > 0 {
					offer(t, s, one("a", string(make([]byte, c.holds)), d))
				}
				full = c.space
				p := one("a", string(make([]byte, 11)), d)
				hasSpace := s.HasSpace("a", s.cost(p.Payload))
				err := s.Offer(t.Context(), []Part{p})
				assert.Equal(t, !isSpace(err), hasSpace, "%v", err)
				if space := (*SpaceError)(nil); errors.As(err, &space) {
					assert.Equal(t, &SpaceError{Tenant: "a", Signal: tenant.Logs, Size: s.cost(p.Payload)}, space)
				}
				if c.want == nil {
					require.NoError(t, err)
					return
				}
				assert.True(t, c.want(err), "%v", err)
			})
		})
	}
}
