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

// attackers send attacks at random, several at a time.
type attackers struct {
	kinds  []attack.Attack
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	total   int
	answers map[string]map[string]int // by name of the attack
}

func newAttackers(g *gateway, kinds []attack.Attack, parallel int) *attackers {
	ctx, cancel := context.WithCancel(context.Background())
	a := &attackers{kinds: kinds, cancel: cancel, answers: map[string]map[string]int{}}
	for range parallel {
		a.work.Go(func() {
			for ctx.Err() == nil {
				a.one(ctx, g)
			}
		})
	}
	return a
}

func (a *attackers) one(ctx context.Context, g *gateway) {
	kind := a.kinds[rand.IntN(len(a.kinds))]
	target := attack.Target{HTTP: g.http, GRPC: g.grpc, Key: g.hostile[rand.IntN(len(g.hostile))].key}
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
