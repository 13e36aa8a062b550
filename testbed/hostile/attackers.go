// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/attack"
)

// attackers send random attacks concurrently.
type attackers struct {
	order
	kinds  []attack.Attack
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	total   int
	answers map[string]map[string]int // by name of the attack
}

// newAttackers starts o.Parallel attackers. Each starts at most one attack in o.Every.
func newAttackers(o order, kinds []attack.Attack) *attackers {
	ctx, cancel := context.WithCancel(context.Background())
	a := &attackers{order: o, kinds: kinds, cancel: cancel, answers: map[string]map[string]int{}}
	for range o.Parallel {
		a.work.Go(func() {
			for ctx.Err() == nil {
				next := time.After(o.Every)
				a.one(ctx)
				select {
				case <-next:
				case <-ctx.Done():
				}
			}
		})
	}
	return a
}

func (a *attackers) one(ctx context.Context) {
	kind := a.kinds[rand.IntN(len(a.kinds))]
	target := attack.Target{HTTP: a.HTTP, GRPC: a.GRPC, Key: a.Keys[rand.IntN(len(a.Keys))]}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	answer, err := kind.Run(ctx, target)
	if err != nil {
		answer = "no answer"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total++
	if a.answers[kind.Name] == nil {
		a.answers[kind.Name] = map[string]int{}
	}
	a.answers[kind.Name][answer]++
}

func (a *attackers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total
}

func (a *attackers) stop() {
	a.cancel()
	a.work.Wait()
}

func (a *attackers) print() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(a.answers)) {
		fmt.Printf("  %-60s %v\n", name, a.answers[name])
	}
}
