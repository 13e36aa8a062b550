// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package condition

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestGrowth(t *testing.T) {
	var g Growth
	look := func(total int64, after time.Duration) (int64, time.Time) {
		return g.Look(total, noon.Add(after), time.Minute)
	}
	n, _ := look(0, 0)
	assert.Zero(t, n)
	n, since := look(5, time.Second)
	assert.EqualValues(t, 5, n)
	assert.Equal(t, noon.Add(time.Second), since)
	n, since = look(7, 30*time.Second)
	assert.EqualValues(t, 7, n)
	assert.Equal(t, noon.Add(time.Second), since)
	n, _ = look(7, 89*time.Second)
	assert.EqualValues(t, 7, n)
	n, _ = look(7, 90*time.Second)
	assert.Zero(t, n, "nothing was lost for a minute")
	n, since = look(8, 10*time.Minute)
	assert.EqualValues(t, 1, n)
	assert.Equal(t, noon.Add(10*time.Minute), since)
}
