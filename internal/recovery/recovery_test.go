// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package recovery_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

// work panics with v, if there is one, while it holds mu.
func work(r *recovery.Recoverer, mu *sync.Mutex, v any) (err error) {
	defer r.Catch("working", &err)
	mu.Lock()
	defer mu.Unlock()
	if v != nil {
		panic(v)
	}
	return errors.New("its own")
}

func TestCatch(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	r := recovery.New(zap.New(core))
	var mu sync.Mutex
	err := work(r, &mu, nil)
	require.EqualError(t, err, "its own")
	assert.False(t, recovery.Is(err))
	for i, v := range []any{strings.Repeat("token", 1000), errors.New("token"), 7, struct{ a []int }{}} {
		err := work(r, &mu, v)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "token", "a caller does not see it")
		assert.True(t, recovery.Is(fmt.Errorf("wrapped: %w", err)))
		assert.Equal(t, codes.Internal, status.Code(err))
		assert.Equal(t, int64(i+1), r.Count())
		require.True(t, mu.TryLock())
		mu.Unlock()
	}
	require.Equal(t, 1, logs.Len(), "not each of them")
	fields := logs.All()[0].ContextMap()
	assert.Equal(t, "working", fields["doing"])
	assert.Len(t, fields["panic"], 500)
	assert.Contains(t, fields["stack"], "recovery_test.work")
}

func TestCatch_WithoutARecoverer(t *testing.T) {
	parse := func(v any) (err error) {
		defer recovery.Catch(&err)
		if v != nil {
			panic(v)
		}
		return nil
	}
	require.NoError(t, parse(nil))
	assert.True(t, recovery.Is(parse(1)))
}

func TestRun(t *testing.T) {
	r := recovery.New(zap.NewNop())
	require.NoError(t, r.Run("running", func() {}))
	var m map[string]int
	assert.True(t, recovery.Is(r.Run("running", func() { m["a"] = 1 })))
	assert.Equal(t, int64(1), r.Count())
}
