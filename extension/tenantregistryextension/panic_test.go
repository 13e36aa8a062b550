// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// fickle is a store that panics while its switch is on.
type fickle struct {
	store
	panics *atomic.Bool
}

func (f *fickle) load(ctx context.Context, accepted history.Version) (loaded, error) {
	if f.panics.Load() {
		panic("planted")
	}
	return f.store.load(ctx, accepted)
}

func (f *fickle) watch(context.Context, func()) error { panic("planted") }

// A panic while the registry is read is a failure of the source: what is in force stays,
// and what is good later comes into force.
func TestRegistry_APanicOfTheSourceIsAFailure(t *testing.T) {
	f := newFixture(t)
	f.cfg.PollInterval = 5 * time.Millisecond
	f.replace(yamlOf("a"))
	var panics atomic.Bool
	f.startWith(func(s store) store { return &fickle{s, &panics} })
	require.Equal(t, "a", f.ids())
	panics.Store(true)
	require.Eventually(t, func() bool { return f.host.status() == componentstatus.StatusRecoverableError }, inForceWithin, time.Millisecond)
	assert.Equal(t, healthboard.FailureInvalid, f.reg.health().Failure.Class)
	assert.Equal(t, "a", f.ids())
	f.replace(yamlOf("a", "b"))
	panics.Store(false)
	f.eventually("a b")
	require.Eventually(t, func() bool { return f.reg.health().Failure == nil }, inForceWithin, time.Millisecond)
}

func TestRegistry_PanicOfASubscriberDoesNotAffectOthers(t *testing.T) {
	f := newFixture(t)
	f.start()
	defer f.reg.Subscribe(func(*tenant.Snapshot) { panic("planted") })()
	called := make(chan *tenant.Snapshot, 8)
	defer f.reg.Subscribe(func(s *tenant.Snapshot) { called <- s })()
	for _, id := range []string{"a", "b"} {
		f.replace(yamlOf(id))
		f.eventually(id)
		select {
		case s := <-called:
			assert.NotNil(t, s.Tenant(tenant.ID(id)))
		case <-time.After(inForceWithin):
			require.Fail(t, "the other subscriber was not called")
		}
	}
}
