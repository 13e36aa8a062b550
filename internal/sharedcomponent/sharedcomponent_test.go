// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package sharedcomponent

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
)

type counting struct {
	starts, stops int
	startErr      error
}

func (c *counting) Start(context.Context, component.Host) error { c.starts++; return c.startErr }
func (c *counting) Shutdown(context.Context) error              { c.stops++; return nil }

func handles(t *testing.T, m *Map[string, *counting], c *counting, n int) (all []*Handle[*counting]) {
	t.Helper()
	for range n {
		h, err := m.Get("key", func() (*counting, error) { return c, nil })
		require.NoError(t, err)
		require.Same(t, c, h.Component())
		all = append(all, h)
	}
	return all
}

func TestMap_StartsWithTheFirstHandle(t *testing.T) {
	c := &counting{}
	m := NewMap[string, *counting](StopWithLast)
	for _, h := range handles(t, m, c, 3) {
		require.NoError(t, h.Start(t.Context(), componenttest.NewNopHost()))
		require.ErrorIs(t, h.Start(t.Context(), componenttest.NewNopHost()), errStarted)
	}
	assert.Equal(t, 1, c.starts)
	assert.Equal(t, 1, m.Len())
}

func TestMap_ShutsDownOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		stop  Stop
		stops []int // after each of three handles
	}{
		"with the first": {StopWithFirst, []int{1, 1, 1}},
		"with the last":  {StopWithLast, []int{0, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &counting{}
			m := NewMap[string, *counting](tt.stop)
			all := handles(t, m, c, 3)
			for _, h := range all {
				require.NoError(t, h.Start(t.Context(), componenttest.NewNopHost()))
			}
			for i, h := range all {
				for range 2 {
					require.NoError(t, h.Shutdown(t.Context()))
				}
				assert.Equal(t, tt.stops[i], c.stops, "handle %d", i)
			}
			assert.Zero(t, m.Len())
			require.ErrorIs(t, all[0].Start(t.Context(), componenttest.NewNopHost()), errStopped)
		})
	}
}

func TestMap_HandlesThatNeverStarted(t *testing.T) {
	t.Run("keep no started instance alive", func(t *testing.T) {
		c := &counting{}
		m := NewMap[string, *counting](StopWithLast)
		all := handles(t, m, c, 2)
		require.NoError(t, all[0].Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, all[0].Shutdown(t.Context()))
		assert.Equal(t, 1, c.stops)
		require.NoError(t, all[1].Shutdown(t.Context()))
		assert.Equal(t, 1, c.stops)
	})
	t.Run("shut down an instance that never started", func(t *testing.T) {
		c := &counting{}
		m := NewMap[string, *counting](StopWithLast)
		for _, h := range handles(t, m, c, 2) {
			require.NoError(t, h.Shutdown(t.Context()))
		}
		assert.Equal(t, 1, c.stops)
		assert.Zero(t, m.Len())
	})
}

func TestMap_ErrorsReachEveryHandle(t *testing.T) {
	failed := errors.New("the port is in use")
	c := &counting{startErr: failed}
	m := NewMap[string, *counting](StopWithLast)
	for _, h := range handles(t, m, c, 2) {
		require.ErrorIs(t, h.Start(t.Context(), componenttest.NewNopHost()), failed)
	}
	assert.Equal(t, 1, c.starts)
	_, err := m.Get("other", func() (*counting, error) { return nil, failed })
	require.ErrorIs(t, err, failed)
	assert.Equal(t, 1, m.Len())
}
