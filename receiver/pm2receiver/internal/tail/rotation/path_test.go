// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rotation

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPath_DecisionTable(t *testing.T) {
	for _, c := range []struct {
		path     Path
		want     PathChange
		replaced bool
	}{
		{Path{}, PathMissing, false},
		{Path{Followed: true}, PathMissing, false},
		{Path{Exists: true}, PathNew, false},
		{Path{Exists: true, Refused: true}, PathRefused, false},
		{Path{Exists: true, Own: true}, PathNew, false},
		{Path{Exists: true, Followed: true, Same: true}, PathUnchanged, false},
		{Path{Exists: true, Followed: true, Same: true, Refused: true}, PathUnchanged, false},
		{Path{Exists: true, Followed: true, Same: true, Own: true}, PathNew, true},
		{Path{Exists: true, Followed: true, Same: true, Own: true, Refused: true}, PathRefused, true},
		{Path{Exists: true, Followed: true}, PathNew, true},
		{Path{Exists: true, Followed: true, Refused: true}, PathRefused, true},
		{Path{Exists: true, Followed: true, Own: true}, PathNew, true},
	} {
		t.Run(fmt.Sprintf("%+v", c.path), func(t *testing.T) {
			got, replaced := c.path.Classify()
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.replaced, replaced)
		})
	}
}

// Only a file that exists can replace another one, and only a followed one is replaced.
func TestPath_ReplacesOnlyAFollowedFile(t *testing.T) {
	for bits := range 1 << 5 {
		p := Path{Exists: bits&1 != 0, Followed: bits&2 != 0, Same: bits&4 != 0, Own: bits&8 != 0, Refused: bits&16 != 0}
		change, replaced := p.Classify()
		assert.Equal(t, p.Followed && p.Exists && change != PathUnchanged, replaced, "%+v", p)
		assert.Equal(t, !p.Exists, change == PathMissing, "%+v", p)
	}
}

func TestOpened_DecisionTable(t *testing.T) {
	for _, c := range []struct {
		opened Opened
		want   Origin
	}{
		{Opened{}, OriginNew},
		{Opened{Continues: true}, OriginKnown},
		{Opened{OpenElsewhere: true}, OriginElsewhere},
		{Opened{OpenElsewhere: true, Continues: true}, OriginElsewhere},
		{Opened{Rotated: true}, OriginMovedBack},
		{Opened{Rotated: true, OpenElsewhere: true, Continues: true}, OriginMovedBack},
	} {
		assert.Equal(t, c.want, c.opened.Classify(), "%+v", c.opened)
	}
}
