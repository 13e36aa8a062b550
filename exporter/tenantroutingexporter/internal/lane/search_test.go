// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// particular is a target whose records are letters, of which it rejects upper case.
type particular struct {
	stub
	bounds  Bounds
	partial bool // it takes the others of a batch anyway
	counts  bool // and says how many it rejects

	mu      sync.Mutex
	stored  []rune // in their order, with repetitions
	sizes   []int  // records of each request
	letters string // dead letters
	reasons map[rune]string
}

func (p *particular) Bounds() Bounds { return p.bounds }

func (p *particular) Send(_ context.Context, b *Batch) Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := joined(b)
	p.sizes = append(p.sizes, len(text))
	var good []rune
	bad := 0
	for _, r := range text {
		if unicode.IsUpper(r) {
			bad++
		} else {
			good = append(good, r)
		}
	}
	if bad == 0 || p.partial {
		p.stored = append(p.stored, good...)
	}
	if bad == 0 {
		return Result{}
	}
	res := Result{Verdict: Rejected, Reason: "http_400", Err: fmt.Errorf("rejected: %s", text)}
	if p.counts {
		res.Rejected = bad
	}
	return res
}

func (p *particular) keep(b *Batch, res Result) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := joined(b)
	p.letters += text
	for _, r := range text {
		if p.reasons == nil {
			p.reasons = make(map[rune]string)
		}
		p.reasons[r] = res.Err.Error()
	}
	return true, nil
}

func joined(b *Batch) string {
	var text strings.Builder
	for _, p := range b.Payloads {
		text.Write(p)
	}
	return text.String()
}

// letterCut is a Settings.Cut of payloads whose records are letters.
func letterCut(_ *Payload, data []byte, first, end int) ([]byte, error) {
	return data[first:min(end, len(data))], nil
}

// text is a part whose records are the letters of text.
func text(id tenant.ID, text string, targets ...Target) Part {
	part := one(id, text, targets...)
	part.Payload.Records = len(text)
	return part
}

func goodOf(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return -1
		}
		return r
	}, s)
}

func badOf(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return r
		}
		return -1
	}, s)
}

// firsts returns each letter where it comes first.
func firsts(letters []rune) string {
	var out strings.Builder
	seen := make(map[rune]bool)
	for _, r := range letters {
		if !seen[r] {
			out.WriteRune(r)
		}
		seen[r] = true
	}
	return out.String()
}

func TestSearch_FindsRejectedRecords(t *testing.T) {
	for name, payloads := range map[string][]string{
		"the only record":                  {"A"},
		"the only payload of several":      {"B", "a", "c", "d"},
		"first of merged":                  {"A", "b", "c", "d", "e", "f", "g"},
		"middle of merged":                 {"a", "b", "c", "D", "e", "f", "g"},
		"last of merged":                   {"a", "b", "c", "d", "e", "f", "G"},
		"several of merged":                {"A", "b", "c", "D", "e", "F", "g"},
		"all of merged":                    {"A", "B", "C", "D", "E", "F", "G"},
		"first of one":                     {"Abcdefghij"},
		"middle of one":                    {"abcdEfghij"},
		"last of one":                      {"abcdefghiJ"},
		"several of one":                   {"AbCdefghIJ"},
		"all of one":                       {"ABCDEFGHIJ"},
		"first of the first":               {"Abc", "def", "ghi", "jkl"},
		"middle of the middle":             {"abc", "dEf", "ghi", "jkl"},
		"last of the last":                 {"abc", "def", "ghi", "jkL"},
		"one of each":                      {"aBc", "Def", "ghI", "jKl"},
		"all but one":                      {"ABC", "DEF", "GhI", "JKL"},
		"halves":                           {"abcdef", "GHIJKL"},
		"a large one":                      {"abcdefghijklmNopqrstuvwxyz"},
		"small and large":                  {"a", "bcdefghijklmnopqrsT", "u", "v"},
		"a pair":                           {"aB"},
		"two payloads, each with the same": {"aB", "cD"},
	} {
		for kind, make := range map[string]func() *particular{
			"whole":          func() *particular { return &particular{} },
			"partial":        func() *particular { return &particular{partial: true} },
			"counted":        func() *particular { return &particular{partial: true, counts: true} },
			"whole, ordered": func() *particular { return &particular{bounds: Bounds{Concurrency: 1}} },
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := make()
					cfg := testConfig()
					cfg.BatchTimeout = time.Second
					s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
					all := strings.Join(payloads, "")
					for _, p := range payloads {
						offer(t, s, text("a", p, d))
					}
					time.Sleep(time.Minute)
					synctest.Wait()
					good, bad := goodOf(all), badOf(all)
					if kind == "whole" || kind == "whole, ordered" {
						assert.Equal(t, good, string(d.stored), "each once, in order")
					}
					assert.Equal(t, good, firsts(d.stored))
					assert.Equal(t, bad, d.letters, "each once, in order")
					st := total(s)
					assert.Equal(t, int64(len(good)), st.Delivered)
					if bad != "" {
						assert.Equal(t, map[string]int64{"http_400": int64(len(bad))}, st.DeadLettered)
					}
					assert.Zero(t, st.QueuedRecords)
					assert.Zero(t, st.QueuedBytes)
					assert.Zero(t, held(s))
					if kind != "counted" {
						for r, why := range d.reasons {
							assert.Equal(t, "rejected: "+string(r), why, "the reason of that record")
						}
					}
				})
			})
		}
	}
}

// How many requests a search takes, and of the records that a destination takes
// although it rejects others, how many it gets again.
func TestSearch_TakesFewRequests(t *testing.T) {
	const n = 1024
	for kind, c := range map[string]struct {
		d           *particular
		bad         int // the position
		requests    int
		repetitions int
	}{
		"first":            {d: &particular{}, bad: 0, requests: 21},
		"last":             {d: &particular{}, bad: n - 1, requests: 12},
		"counted, first":   {d: &particular{partial: true, counts: true}, bad: 0, requests: 11, repetitions: n},
		"counted, last":    {d: &particular{partial: true, counts: true}, bad: n - 1, requests: 12, repetitions: n},
		"uncounted, first": {d: &particular{partial: true}, bad: 0, requests: 21, repetitions: 2 * n},
	} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := testConfig()
				cfg.MaxBytes = 1 << 20
				s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: c.d.keep})
				data := []byte(strings.Repeat("x", n))
				data[c.bad] = 'X'
				offer(t, s, text("a", string(data), c.d))
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.Equal(t, "X", c.d.letters)
				assert.Equal(t, int64(n-1), total(s).Delivered)
				assert.LessOrEqual(t, len(c.d.sizes), c.requests)
				assert.LessOrEqual(t, len(c.d.stored)-(n-1), c.repetitions)
			})
		})
	}
}

// Large payloads cost more of a search, because they are read for each request.
func TestSearch_CountsReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxBytes, cfg.MaxTotalBytes = 1<<30, 1<<31
		d := &particular{}
		s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
		part := text("a", strings.Repeat("X", 1000), d)
		part.Payload.Size = 40 << 20
		offer(t, s, part)
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		assert.LessOrEqual(t, len(d.sizes), 2*(searchBurst+2*searchCost(1000)*21+int(searchPatience/searchEvery))/21, "with what time earns, and what is left")
		assert.Equal(t, int64(1000), total(s).DeadLettered["http_400"])
	})
}

// A search continues where it was when the destination fails in between, and failures
// cost nothing of it.
func TestSearch_SurvivesFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BatchTimeout, cfg.RetryMax, cfg.BreakerOpen = time.Second, time.Second, time.Second
		d := &particular{}
		n := 0
		failing := &stub{answer: func(ctx context.Context, b *Batch) Result {
			if n++; n%50 != 0 {
				return Result{Verdict: []Verdict{Retry, Blocked}[n%2], Reason: "down", Err: errors.New("down")}
			}
			return d.Send(ctx, b)
		}}
		s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
		all := "aBcdefGhijklmnopqrstuvwXyz"
		for _, p := range []string{all[:5], all[5:6], all[6:20], all[20:]} {
			offer(t, s, text("a", p, failing))
		}
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		assert.Equal(t, goodOf(all), string(d.stored))
		assert.Equal(t, badOf(all), d.letters)
		in, out := balance(total(s))
		assert.Equal(t, in, out)
		assert.Zero(t, total(s).QueuedRecords)
	})
}

// Without Cut, as in other uses of lanes, payloads are what is found.
func TestSearch_WithoutCutEndsAtPayloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.BatchTimeout = time.Second
		d := &particular{}
		s := start(t, Settings{Config: cfg, Rejected: d.keep})
		for _, p := range []string{"ab", "cD", "ef"} {
			offer(t, s, text("a", p, d))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, "abef", string(d.stored))
		assert.Equal(t, "cD", d.letters)
	})
}

// A payload that is too large is sent in parts.
func TestTooLarge_SplitsOnePayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		d := &particular{}
		small := &stub{answer: func(ctx context.Context, b *Batch) Result {
			if b.Records > 3 {
				return Result{Verdict: TooLarge, Reason: "http_413", Err: errors.New("too large")}
			}
			return d.Send(ctx, b)
		}}
		s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
		offer(t, s, text("a", "abcdefGhijklm", small))
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, "abcdefhijklm", string(d.stored))
		assert.Equal(t, "G", d.letters)
	})
}

// A payload of which a part is delivered expires for the rest only.
func TestSearch_ExpiresTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxAge = time.Hour
		d := &particular{}
		n := 0
		s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: d.keep})
		dies := &stub{answer: func(ctx context.Context, b *Batch) Result {
			if n++; n > 2 {
				return Result{Verdict: Retry, Reason: "down"}
			}
			return d.Send(ctx, b)
		}}
		offer(t, s, text("a", "abcdefgH", dies))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		st := total(s)
		assert.Equal(t, int64(4), st.Delivered)
		assert.Equal(t, int64(4), st.Dropped[ReasonExpired])
		assert.Zero(t, st.QueuedRecords)
		assert.Zero(t, held(s))
	})
}

// A partial success of everything is a rejection: which records it means is known.
func TestDelivered_NothingOfItIsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &particular{}
		all := &stub{answer: answers(Result{Rejected: 3, Reason: "partial_success", Err: errors.New("partial success: 3 rejected: too old")})}
		s := start(t, Settings{Config: testConfig(), Cut: letterCut, Rejected: d.keep})
		offer(t, s, text("a", "abc", all))
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, 1, all.attempts(), "OTLP forbids to send again what was partially successful")
		assert.Equal(t, "abc", d.letters)
		assert.Equal(t, map[string]int64{"partial_success": 3}, total(s).DeadLettered)
		assert.Zero(t, total(s).Delivered)
	})
}

// A destination that contradicts itself loses nothing.
func TestSearch_OfDestinationsThatContradictThemselves(t *testing.T) {
	for seed := range 200 {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(seed), 1))
			var mu sync.Mutex
			intN := func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				return random.IntN(n)
			}
			cfg := testConfig()
			cfg.BatchTimeout, cfg.RetryMax, cfg.BreakerOpen, cfg.MaxAge = time.Second, time.Second, time.Second, time.Hour
			verdicts := []Verdict{Delivered, Delivered, Rejected, Rejected, Rejected, Retry, TooLarge, Blocked}
			liar := &stub{answer: func(context.Context, *Batch) Result {
				return Result{Verdict: verdicts[intN(len(verdicts))], Reason: "random", Rejected: intN(4) - 1, Err: errors.New("x")}
			}}
			s := start(t, Settings{Config: cfg, Cut: letterCut, Rejected: func(*Batch, Result) (bool, error) { return intN(2) == 0, nil }})
			for range 20 {
				offer(t, s, text("a", strings.Repeat("x", 1+intN(30)), liar))
				time.Sleep(time.Duration(intN(500)) * time.Millisecond)
				in, out := balance(total(s))
				require.Equal(t, in, out)
			}
			time.Sleep(2 * time.Hour)
			synctest.Wait()
			in, out := balance(total(s))
			require.Equal(t, in, out)
			require.Zero(t, total(s).QueuedRecords)
			require.Zero(t, total(s).QueuedBytes)
			require.Zero(t, held(s))
		})
	}
}

// Neighbors that are rejected for one reason are one dead letter, and good ones between
// them, or another reason, begin the next.
func TestSearch_NeighborsAreOneDeadLetter(t *testing.T) {
	for payload, want := range map[string][]string{
		"AAAA":       {"AAAA"},
		"aAAb":       {"AA"},
		"AaA":        {"A", "A"},
		"AABB":       {"AA", "BB"},
		"aaAAAaBBAb": {"AAA", "BB", "A"},
		"A":          {"A"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var got []string
			failures := 0
			d := &stub{answer: func(_ context.Context, b *Batch) Result {
				text := joined(b)
				if i := strings.IndexFunc(text, unicode.IsUpper); i >= 0 {
					return Result{Verdict: Rejected, Reason: "http_400", Err: fmt.Errorf("no %c", text[i])}
				}
				return Result{}
			}}
			s := start(t, Settings{Config: testConfig(), Cut: letterCut, Rejected: func(b *Batch, res Result) (bool, error) {
				if failures++; failures%3 == 1 {
					return false, errors.New("disk full")
				}
				got = append(got, joined(b))
				assert.EqualError(t, res.Err, "no "+joined(b)[:1])
				return true, nil
			}})
			offer(t, s, text("a", payload, d))
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			assert.Equal(t, want, got, payload)
			st := total(s)
			assert.Equal(t, int64(len(badOf(payload))), st.DeadLettered["http_400"])
			assert.Equal(t, int64(len(goodOf(payload))), st.Delivered)
			assert.Zero(t, st.QueuedRecords)
			assert.Zero(t, held(s))
		})
	}
}

// Without a store, what is held when the process ends is given up and counted.
func TestSearch_ShutdownCountsWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		d := &stub{answer: func(ctx context.Context, b *Batch) Result {
			if n++; n > 3 {
				return hang(ctx, b)
			}
			return Result{Verdict: Rejected, Reason: "http_400", Err: errors.New("no")}
		}}
		s := NewScheduler(Settings{Config: testConfig(), Logger: zap.NewNop(), Cut: letterCut, Rejected: func(*Batch, Result) (bool, error) { return true, nil }})
		s.Start()
		offer(t, s, text("a", "AAAA", d))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Shutdown(ctx)
		in, out := balance(total(s))
		assert.Equal(t, in, out)
		assert.Zero(t, total(s).QueuedRecords)
		assert.Zero(t, held(s))
	})
}
