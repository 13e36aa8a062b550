// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
)

// A start that found no file was the first start too, so lines that are written while the reader is
// stopped are read.
func TestShutdown_SavesAFirstStartWithoutFiles(t *testing.T) {
	h := newHome(t)
	h.fromEnd = true
	h.start()
	h.stop()
	h.write("a-out.log", numbered("a", 1, 5))
	h.start()
	h.eventually(numbered("a", 1, 5))
}

// What was accepted is saved, and the storage given back, although another record is
// with a consumer that does not return in time.
func TestShutdown_SavesAcceptedRecordsAfterItsDeadline(t *testing.T) {
	h := newHome(t)
	stuck := make(chan struct{})
	defer close(stuck)
	entered := make(chan struct{})
	h.rejectWith(func(lines []string) error {
		if strings.HasPrefix(lines[0], "b ") {
			close(entered)
			<-stuck
		}
		return nil
	})
	h.store.fail(errRejected) // nothing is saved before the shutdown
	h.write("a-out.log", numbered("a", 1, 5))
	h.start()
	h.eventually(numbered("a", 1, 5))
	h.write("b-out.log", numbered("b", 1, 5))
	<-entered
	tailer := h.tailer
	stop := tailer.stop
	tailer.stop = func() {
		stop()
		h.store.strict(true) // to keep what was under way before from saving
		h.store.fail(nil)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, tailer.Shutdown(ctx), context.Canceled)
	c, err := checkpoint.NewStore(h.store).Load(t.Context(), h.path("a-out.log"))
	require.NoError(t, err)
	require.NotNil(t, c)
	assert.Equal(t, h.size("a-out.log"), c.Files[0].Offset)
	assert.True(t, h.store.isClosed())
	tailer.stop = stop
}

// The time that is up loses nothing either if all has ended.
func TestShutdown_SavesAfterItsDeadline(t *testing.T) {
	h := newHome(t)
	h.store.fail(errRejected)
	h.write("a-out.log", numbered("a", 1, 5))
	h.start()
	h.eventually(numbered("a", 1, 5))
	stop := h.tailer.stop
	h.tailer.stop = func() {
		stop()
		h.tailer.done.Wait()
		h.store.strict(true)
		h.store.fail(nil)
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	_ = h.tailer.Shutdown(ctx)
	h.tailer = nil
	c, err := checkpoint.NewStore(h.store).Load(t.Context(), h.path("a-out.log"))
	require.NoError(t, err)
	require.NotNil(t, c)
	assert.Equal(t, h.size("a-out.log"), c.Files[0].Offset)
}
