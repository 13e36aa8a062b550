// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// bounds are those of lanes without and with an order.
var orders = map[string]Bounds{"any order": {}, "in order": {Concurrency: 1}}

// letters counts characters.
func letters(text, which string) (n int) {
	for _, r := range text {
		if strings.ContainsRune(which, r) {
			n++
		}
	}
	return n
}

// An application with rejected records does not affect the requests of others: each good request
// is delivered.
func TestSearchBudget_GoodRequestsAreDelivered(t *testing.T) {
	for order, bounds := range orders {
		for name, bad := range map[string]string{
			"one record":      "X",
			"all of many":     strings.Repeat("X", 300),
			"every other one": strings.Repeat("Xy", 150),
			"a good end":      strings.Repeat("X", 250) + "yyyyyyyyyy",
		} {
			t.Run(order+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cfg := testConfig()
					cfg.MaxBytes, cfg.BatchMaxBytes, cfg.BatchTimeout = 1<<20, 1<<20, time.Second
					d := &particular{bounds: bounds}
					s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
					const pairs = 40
					for range pairs {
						offer(t, s, text("a", bad, d), text("a", "good", d))
					}
					time.Sleep(59 * time.Minute)
					synctest.Wait()
					assert.Equal(t, 2*pairs, letters(string(d.stored), "o"))
					assert.Zero(t, letters(d.letters, "good"))
					assert.Equal(t, pairs*letters(bad, "X"), letters(d.letters, "X"))
					assert.Equal(t, pairs*letters(bad, "y"), letters(d.letters, "y")+letters(string(d.stored), "y"))
					assert.Zero(t, total(s).QueuedRecords)
					t.Logf("%d requests, of the bad requests' good records %d are dead letters", len(d.sizes), letters(d.letters, "y"))
				})
			})
		}
	}
}

// The share of a part of a request is not used up by what comes before it: of a request with
// the records of two applications, the good ones of the second arrive.
func TestSearchBudget_IsSharedWithinARequest(t *testing.T) {
	for order, bounds := range orders {
		t.Run(order, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.MaxBytes, cfg.BatchMaxBytes = 1<<20, 1<<20
				d := &particular{bounds: bounds}
				s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
				offer(t, s, text("a", strings.Repeat("XyXXy", 240)+strings.Repeat("g", 800), d))
				time.Sleep(time.Hour)
				synctest.Wait()
				lost := letters(d.letters, "g")
				assert.Less(t, lost, 40)
				assert.Equal(t, 240*3, letters(d.letters, "X"))
				assert.Zero(t, total(s).QueuedRecords)
				t.Logf("%d requests, %d good records of the second application are dead letters, %d of the first", len(d.sizes), lost, letters(d.letters, "y"))
			})
		})
	}
}

// Payloads beyond the budget wait and are searched when the budget has grown.
func TestSearchBudget_SearchesTheRestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxBytes, cfg.BatchMaxBytes = 1<<20, 1<<20
		d := &particular{}
		s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
		offer(t, s, text("a", strings.Repeat("XyyyyyyyyyyY", 80), d))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Positive(t, total(s).QueuedRecords)
		offer(t, s, text("a", "good", d))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Contains(t, d.taken(), "good", "meanwhile others go on")
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		assert.Zero(t, letters(d.letters, "y"))
		assert.Equal(t, 160, letters(d.letters, "XY"))
		assert.Zero(t, total(s).QueuedRecords)
	})
}

func (p *particular) taken() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.stored)
}

func (p *particular) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sizes)
}

// slowly is a target of d that rejects slowly.
func slowly(d *particular, wait time.Duration) *stub {
	return &stub{bounds: d.bounds, answer: func(ctx context.Context, b *Batch) Result {
		if strings.IndexFunc(joined(b), unicode.IsUpper) >= 0 {
			select {
			case <-ctx.Done():
				return Result{Verdict: Retry, Reason: "canceled", Err: ctx.Err()}
			case <-time.After(wait):
			}
		}
		return d.Send(ctx, b)
	}}
}

// A destination that takes long to reject delays nothing else of a lane without order, and
// a lane in order for a bounded time.
func TestSearchBudget_TimeIsBounded(t *testing.T) {
	for order, bounds := range orders {
		t.Run(order, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.MaxBytes, cfg.BatchMaxBytes = 1<<20, 1<<20
				d := &particular{bounds: bounds}
				slow := slowly(d, 10*time.Second)
				s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
				offer(t, s, text("a", strings.Repeat("Xy", 200), slow))
				time.Sleep(time.Second)
				limit := 10 * time.Second
				if bounds.Concurrency == 1 {
					limit = searchTime + 12*10*time.Second // and the parts that are left
				}
				offer(t, s, text("a", "good", slow))
				time.Sleep(limit)
				synctest.Wait()
				assert.Contains(t, d.taken(), "good")
				time.Sleep(50 * time.Minute)
				synctest.Wait()
				assert.Zero(t, total(s).QueuedRecords)
				in, out := balance(total(s))
				assert.Equal(t, in, out)
				assert.LessOrEqual(t, len(d.sizes), int(searchPatience/(10*time.Second))+60, "with the parts that are left")
			})
		})
	}
}

// The load on a destination stays in proportion to the data of the tenant.
func TestSearchBudget_IsEarned(t *testing.T) {
	for order, bounds := range orders {
		t.Run(order, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.MaxBytes, cfg.BatchMaxBytes, cfg.BatchTimeout = 1<<20, 1<<20, time.Second
				d := &particular{bounds: bounds}
				s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
				const requests, records = 200, 64
				for range requests {
					offer(t, s, text("a", strings.Repeat("Xy", records/2), d))
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(59 * time.Minute)
				synctest.Wait()
				assert.Zero(t, total(s).QueuedRecords)
				earned := searchBurst + requests*2*searchCost(records) + int((searchPatience+time.Minute)/searchEvery)
				assert.LessOrEqual(t, len(d.sizes), earned+3*requests+requests/10)
				t.Logf("%d accepted, %d sent", requests, len(d.sizes))
			})
		})
	}
}

// A tenant of which each request has two bad records gets all the others delivered, without end.
func TestSearchBudget_SufficesForTwoRecordsOfEachRequest(t *testing.T) {
	for order, bounds := range orders {
		t.Run(order, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.MaxBytes, cfg.BatchMaxBytes, cfg.BatchTimeout = 1<<20, 1<<20, time.Second
				d := &particular{bounds: bounds}
				s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
				for i := range 200 {
					records := []byte(strings.Repeat("y", 100))
					records[i%100], records[(i*7+1)%100] = 'X', 'X'
					offer(t, s, text("a", string(records), d))
					time.Sleep(50 * time.Millisecond)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.Zero(t, letters(d.letters, "y"))
				assert.Equal(t, total(s).Accepted, total(s).Delivered+int64(letters(d.letters, "X")))
			})
		})
	}
}

// A destination that rejects everything is not searched for each batch; that is noticed when
// it takes something again.
func TestSearchBudget_OfADestinationThatRejectsEverything(t *testing.T) {
	for order, bounds := range orders {
		t.Run(order, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.MaxBytes, cfg.BatchMaxBytes, cfg.BatchTimeout = 1<<20, 1<<20, time.Second
				d := &particular{bounds: bounds}
				s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
				send := func(records string) int {
					before := d.requests()
					for range 10 {
						offer(t, s, text("a", records, d))
					}
					time.Sleep(5 * time.Second)
					synctest.Wait()
					return d.requests() - before
				}
				send(strings.Repeat("X", 100))
				time.Sleep(10 * time.Second)
				synctest.Wait()
				require.Zero(t, total(s).QueuedRecords)
				for range 20 {
					assert.LessOrEqual(t, send(strings.Repeat("X", 100)), 11+3*searchCost(100)+1, "a probe a minute")
				}
				before := total(s).Delivered
				send("good")
				assert.Equal(t, before+40, total(s).Delivered)
				send("yXyy")
				assert.Equal(t, before+70, total(s).Delivered, "and takes requests apart again")
				assert.Zero(t, total(s).QueuedRecords)
			})
		})
	}
}

// Good requests arrive while a lane takes its destination for one that rejects everything.
func TestSearchBudget_DeliversGoodRecordsAmongRejectedOnes(t *testing.T) {
	for order, bounds := range orders {
		t.Run(order, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.MaxBytes, cfg.BatchMaxBytes, cfg.BatchTimeout = 1<<20, 1<<20, time.Second
				d := &particular{bounds: bounds}
				s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
				for range 100 {
					offer(t, s, text("a", "X", d))
				}
				time.Sleep(5 * time.Second)
				for range 20 {
					offer(t, s, text("a", "XX", d), text("a", "good", d))
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.Equal(t, int64(80), total(s).Delivered)
				assert.Equal(t, strings.Repeat("X", 140), d.letters)
			})
		})
	}
}

// A shutdown breaks a search off; with a store, what has no outcome stays there.
func TestSearchBudget_ShutdownKeepsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxBytes, cfg.MaxMemoryBytes, cfg.BatchMaxBytes, cfg.BatchTimeout = 1<<20, 1<<20, 1<<20, time.Second
		d := &particular{bounds: Bounds{Concurrency: 1}}
		slow := slowly(d, 10*time.Second)
		st := &released{}
		s := NewScheduler(Settings{Config: cfg, Logger: zap.NewNop(), Store: st, Cut: letterCut, Rejected: d.keep})
		s.Start()
		for i := range 8 {
			offer(t, s, text("a", []string{"yXyyyyyy", "good"}[i%2], slow))
		}
		time.Sleep(75 * time.Second) // within the search
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		began := time.Now()
		s.Shutdown(ctx)
		assert.LessOrEqual(t, time.Since(began), 6*time.Second)
		sum := total(s)
		in, out := balance(sum)
		assert.Equal(t, in, out)
		assert.Positive(t, sum.QueuedRecords)
		assert.Positive(t, sum.Delivered+sum.DeadLettered["http_400"])
		assert.Less(t, st.n, 8)
		assert.LessOrEqual(t, int64(st.n)*4, sum.Delivered+sum.DeadLettered["http_400"], "a request is released when all of it has an outcome")
	})
}

// released is a store that counts what is released.
type released struct {
	kept
	n int
}

func (r *released) Release(payloads []*Payload, _ string) { r.n += len(payloads) }

func TestBudget_IsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBudget(now)
	b.grant(22)
	b.grant(20)
	assert.Equal(t, searchBurst+20, b.requests)
	b.refill(now.Add(time.Hour))
	assert.Equal(t, searchBurst+20, b.requests)
	b = newBudget(now)
	b.requests = -20
	assert.Equal(t, now.Add(25*searchEvery), b.when(5))
	b.refill(now.Add(26*searchEvery + searchEvery/4))
	assert.Equal(t, 6, b.requests)
	b.refill(now.Add(26*searchEvery + searchEvery/2))
	assert.Equal(t, 6, b.requests, "each time counts once")
	b.refill(now.Add(100000 * time.Hour))
	assert.Equal(t, searchBurst, b.requests)
	b.refill(now)
	assert.Equal(t, searchBurst, b.requests, "a clock that goes back")
	for records, want := range map[int]int{0: 0, 1: 0, 2: 4, 3: 6, 100: 16, 1000: 22} {
		assert.Equal(t, want, searchCost(records), fmt.Sprint(records))
	}
}
