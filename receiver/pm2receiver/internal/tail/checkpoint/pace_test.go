// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package checkpoint

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPace_BoundsWhatIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		size int
		most int
	}{
		"small":           {LargeSize, smallRate},
		"large":           {LargeSize + 1, largeRate},
		"larger than all": {16 << 20, largeRate},
	} {
		t.Run(name, func(t *testing.T) {
			var p Pace
			now := time.Unix(1_700_000_000, 0)
			const seconds = 100
			written := 0
			for range seconds * 4 {
				now = now.Add(time.Second / 4)
				for p.Allows(c.size, now) {
					p.Spend(c.size)
					written += c.size
				}
			}
			assert.LessOrEqual(t, written, (seconds+1)*c.most+c.size)
			assert.GreaterOrEqual(t, written, (seconds-1)*c.most)
		})
	}
}

func TestPace_SmallOnesDoNotWaitForLargeOnes(t *testing.T) {
	var p Pace
	now := time.Unix(1_700_000_000, 0)
	assert.True(t, p.Allows(64<<20, now))
	p.Spend(64 << 20)
	assert.False(t, p.Allows(64<<20, now.Add(time.Minute)))
	assert.True(t, p.Allows(1000, now))
	assert.True(t, p.Allows(64<<20, now.Add(2*time.Minute)))
}

// A clock that is set back does not stop checkpoints.
func TestPace_ClockThatIsSetBack(t *testing.T) {
	var p Pace
	now := time.Unix(1_700_000_000, 0)
	assert.True(t, p.Allows(1, now))
	for range 2 * smallRate / LargeSize {
		p.Spend(LargeSize)
	}
	now = now.Add(-time.Hour)
	assert.False(t, p.Allows(1, now))
	assert.True(t, p.Allows(1, now.Add(2*time.Second)))
}
