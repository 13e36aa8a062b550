// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guardedhttp

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestInFlight_DrainReturnsWhatRemains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r InFlight
		never, stopped := make(chan struct{}), make(chan struct{})
		begin := time.Now()
		assert.Zero(t, r.Drain(t.Context(), never), "no request is in flight")
		assert.GreaterOrEqual(t, time.Since(begin), quietTime)

		r.Start()
		close(stopped)
		assert.Zero(t, r.Drain(t.Context(), stopped), "the server has stopped")

		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		assert.EqualValues(t, 1, r.Drain(ctx, never))
		assert.Error(t, ctx.Err(), "it waits until the context is done")
		assert.EqualValues(t, 1, r.Wait(ctx))

		time.AfterFunc(time.Minute, r.End)
		begin = time.Now()
		assert.Zero(t, r.Wait(t.Context()))
		assert.InDelta(t, time.Minute, time.Since(begin), float64(pollInterval))
	})
}

// A request that begins while the server drains restarts the quiet time.
func TestInFlight_DrainWaitsForRequestsThatBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r InFlight
		time.AfterFunc(quietTime/2, r.Start)
		time.AfterFunc(time.Minute, r.End)
		begin := time.Now()
		assert.Zero(t, r.Drain(t.Context(), make(chan struct{})))
		assert.GreaterOrEqual(t, time.Since(begin), time.Minute+quietTime-pollInterval)
	})
}
