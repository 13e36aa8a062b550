// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ratelimit

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Script is a store in which gateways share their counts: one that runs
// [SharedScript] atomically, such as Redis. It must be safe for concurrent use.
type Script interface {
	// Run runs the script with keys and args and returns its answer. Integers are
	// int64, texts are string.
	Run(ctx context.Context, keys []string, args []any) ([]any, error)
}

// SharedScript is the Lua script that a [Script] runs.
//
//go:embed shared.lua
var SharedScript string

// pauseAfterFailure is how long the store is not used after it has failed. Every request
// would otherwise wait for it to time out.
const pauseAfterFailure = time.Second

// shared keeps limits together with all gateways: a request is decided and charged in
// one call of the script. It is safe for concurrent use.
type shared struct {
	script Script
	prefix string
	outage func(error)
	now    func() time.Time

	gateway string // distinguishes this gateway from others for a while

	failed     atomic.Bool  // the last call failed
	pauseUntil atomic.Int64 // in nanoseconds since 1970
}

func newShared(set Settings, now func() time.Time) *shared {
	outage := set.Outage
	if outage == nil {
		outage = func(error) {}
	}
	return &shared{script: set.Shared, prefix: set.KeyPrefix, outage: outage, now: now, gateway: rand.Text()}
}

// paused reports whether the store is not used for now.
func (s *shared) paused() bool {
	return s.failed.Load() && s.now().UnixNano() < s.pauseUntil.Load()
}

// note records the result of a call and reports the begin and the end of an outage, each
// once.
func (s *shared) note(err error) {
	if err != nil {
		s.pauseUntil.Store(s.now().Add(pauseAfterFailure).UnixNano())
		if !s.failed.Swap(true) {
			s.outage(err)
		}
		return
	}
	if s.failed.Load() && s.failed.Swap(false) {
		s.outage(nil)
	}
}

type chargeMode string

const (
	chargeModeCharge chargeMode = "charge"
	chargeModeForce  chargeMode = "force"
	chargeModeRefund chargeMode = "refund"
)

// sharedCharge is one call of the script.
type sharedCharge struct {
	mode   chargeMode
	tenant tenant.ID
	signal tenant.Signal
	amount amount
	sync   pendingSync
	terms  terms
}

// answer is what the script returned.
type answer struct {
	over   Excess
	number int64 // grows from one answer to the next
	used   [numQuotas]int64
}

// do charges the tenant. An error means that nothing is known about the limits.
func (s *shared) do(ctx context.Context, c sharedCharge, now time.Time) (answer, error) {
	// Braces put the keys of a tenant into one slot of a Redis cluster.
	base := s.prefix + ":{" + string(c.tenant) + "}:"
	keys := []string{base + "rates", base + c.sync.day, base + c.sync.month, base + "taken:" + c.signal.String()}
	rate := c.terms.limits.Rates[c.signal]
	synced := c.sync.synced
	args := make([]any, 0, 15+2*numQuotas)
	args = append(args, string(c.mode), c.signal.String(), c.amount.records, c.amount.bytes,
		synced.day.records, synced.day.bytes, synced.month.records, synced.month.bytes, c.sync.newest, c.sync.newestOwn)
	for _, perSecond := range []int64{rate.RecordsPerSecond, rate.BytesPerSecond} {
		args = append(args, perSecond, burstOf(float64(perSecond), c.terms.burst))
	}
	var none Usage
	quotas := none.quotas(c.signal, amount{}, c.terms.limits)
	for i := range quotas {
		limit := quotas[i].limit
		if limit > 0 {
			limit = max(1, limit-c.sync.withheld[i])
		}
		args = append(args, limit)
	}
	for _, used := range c.sync.known {
		args = append(args, used)
	}
	args = append(args, s.gateway)
	values, err := s.script.Run(ctx, keys, args)
	if err != nil {
		return answer{}, err
	}
	return readAnswer(values, c, quotas, now)
}

func readAnswer(values []any, c sharedCharge, quotas [numQuotas]quota, now time.Time) (a answer, err error) {
	const counted = 3 // where counts begin
	if len(values) != counted+numQuotas {
		return a, fmt.Errorf("the script answered with %d values, not %d", len(values), counted+numQuotas)
	}
	for i := range a.used {
		n, ok := values[counted+i].(int64)
		if !ok {
			return a, fmt.Errorf("the script answered with a count that is a %T", values[counted+i])
		}
		a.used[i] = n
	}
	number, ok := values[2].(int64)
	if !ok {
		return a, fmt.Errorf("the script answered with a number that is a %T", values[2])
	}
	a.number = number
	over, _ := values[0].(int64)
	text, _ := values[1].(string)
	wait, err := time.ParseDuration(text + "s")
	rate := c.terms.limits.Rates[c.signal]
	switch {
	case err != nil || over < 0 || over > 2+int64(numQuotas):
		return a, fmt.Errorf("the script answered with the limit %d and the time %q", over, text)
	case over == 1:
		a.over = Excess{RateLimit, recordRate(rate, c.signal), wait}
	case over == 2:
		a.over = Excess{RateLimit, byteRate(rate, c.signal), wait}
	case over > 2:
		a.over = quotas[over-3].excess(c.signal, now)
	}
	return a, nil
}
