// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package capacity

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMost(t *testing.T) {
	for _, tt := range []struct{ total, limit, want int64 }{
		{64 << 20, 40 << 20, 40 << 20},
		{64 << 20, 64 << 20, 42 << 20}, // an eighth is reserved, and a quarter of the rest stays free
		{64 << 20, 1, 1},
		{1024, 1024, 672},
		{1, 1, 0},
		{0, 0, 0},
	} {
		assert.Equal(t, tt.want, Most(tt.total, tt.limit), "%d of %d", tt.limit, tt.total)
	}
}

func TestLargestBody(t *testing.T) {
	for _, tt := range []struct{ most, want int64 }{
		{0, 0},
		{RequestOverhead + MinBuffer, MinBuffer - 1},
		{40 << 20, 24<<20 - RequestOverhead - 1}, // 16 MiB are copied to the last buffer
		{20 << 20, 8<<20 - 1},                    // 8 and 12 MiB do not fit
	} {
		assert.Equal(t, tt.want, LargestBody(tt.most), tt.most)
		if tt.want > 0 {
			assert.LessOrEqual(t, peak(tt.want), tt.most)
			assert.Greater(t, peak(tt.want+1), tt.most)
		}
	}
}
