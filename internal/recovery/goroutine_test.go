// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package recovery_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

func TestGo_APanicEndsTheGoroutineAlone(t *testing.T) {
	r := recovery.New(zap.NewNop())
	var wg sync.WaitGroup
	r.Go(&wg, "working", func() { panic("x") })
	wg.Wait()
	assert.EqualValues(t, 1, r.Count())
}

func TestKeep_CallsAgainAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recovery.New(zap.NewNop())
		stop := make(chan struct{})
		var wg sync.WaitGroup
		var calls []time.Time
		r.Keep(stop, &wg, "working", func() {
			if calls = append(calls, time.Now()); len(calls) < 4 {
				panic("x")
			}
			<-stop
		})
		time.Sleep(time.Hour)
		close(stop)
		wg.Wait()
		assert.Len(t, calls, 4)
		assert.EqualValues(t, 3, r.Count())
		for i := range calls[1:] {
			assert.GreaterOrEqual(t, calls[i+1].Sub(calls[i]), time.Second)
		}
	})
}

// The final step runs even if the last call panicked, and a function that always panics does
// not keep wg waiting.
func TestKeep_EndsWithStop(t *testing.T) {
	for name, always := range map[string]bool{"once": false, "always": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := recovery.New(zap.NewNop())
				stop := make(chan struct{})
				var wg sync.WaitGroup
				calls, saved := 0, false
				r.Keep(stop, &wg, "working", func() {
					calls++
					if calls == 1 || always {
						panic("x")
					}
					<-stop
					saved = true
				})
				synctest.Wait() // it rests
				close(stop)
				wg.Wait()
				assert.Equal(t, 2, calls)
				assert.Equal(t, !always, saved)
			})
		})
	}
}

func TestNil_Recovers(t *testing.T) {
	var r *recovery.Recoverer
	assert.True(t, recovery.Is(r.Run("working", func() { panic("x") })))
}
