// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// The bounds that package capacity states are those of a guard without other requests: the linter
// relies on them.
func TestCapacity_IsThatOfAnIdleGuard(t *testing.T) {
	for _, memory := range []int64{8 * mib, 9*mib + 7, capacity.MinMemory, capacity.MaxMemory, 100 * mib} {
		for _, tenantMemory := range []int64{0, memory, 3 * mib, memory / 2} {
			t.Run(fmt.Sprintf("%d of %d", tenantMemory, memory), func(t *testing.T) {
				g := New(Settings{Memory: memory, TenantMemory: tenantMemory})
				if tenantMemory == 0 {
					tenantMemory = capacity.DefaultTenant(memory)
				}
				most := capacity.Most(memory, tenantMemory)
				known, _ := g.TenantLimits()
				assert.Equal(t, most, known)
				r := admit(asTenant("a"), t, g)
				require.NoError(t, r.Reserve(most-capacity.RequestOverhead))
				r.Release()
				r = admit(asTenant("a"), t, g)
				err := r.Reserve(most - capacity.RequestOverhead + 1)
				assert.Equal(t, rejection.TooLarge, reasonFor(t, err), "no repetition helps")
				r.Release()

				read := func(size int64) error {
					r := admit(asTenant("a"), t, g)
					defer r.Release()
					_, err := r.ReadBody(httptest.NewRecorder(), post(bytes.NewReader(make([]byte, size)), ""), BodyLimits{MaxCompressed: memory})
					return err
				}
				largest := capacity.LargestBody(most)
				require.NoError(t, read(largest))
				assert.Equal(t, rejection.TooLarge, reasonFor(t, read(largest+1)))
			})
		}
	}
}

// The largest body of the shipped gateway, 20 MiB, fits into the memory of a guard with enough memory.
func TestCapacity_DefaultBodyFits(t *testing.T) {
	assert.GreaterOrEqual(t, capacity.LargestBody(capacity.Most(capacity.MaxMemory, capacity.DefaultTenant(capacity.MaxMemory))), int64(defaultMaxBody))
}
