// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rotation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
)

const (
	unrelated = fingerprint.Unrelated
	unclear   = fingerprint.Unclear
	covered   = fingerprint.Covered
	longer    = fingerprint.Longer
)

type relations = []fingerprint.Relation

func TestCopy_DecisionTable(t *testing.T) {
	wait, done, all := CopyDecision{Action: CopyWait}, CopyDecision{Action: CopyDone}, CopyDecision{Action: CopyReadAll}
	gone := func(i int) CopyDecision { return CopyDecision{CopyReadGone, i} }
	earlier := func(i int) CopyDecision { return CopyDecision{CopyReadEarlier, i} }
	for name, c := range map[string]struct {
		copy Copy
		// new, stable and old are the decisions for a file that has just appeared, that has
		// not changed for a second, and for a minute.
		new, stable, old CopyDecision
	}{
		"nothing is known":                       {Copy{}, wait, all, all},
		"another log reads it":                   {Copy{OpenElsewhere: true}, wait, wait, wait},
		"another log reads it, and it is known":  {Copy{OpenElsewhere: true, Gone: relations{covered}}, wait, wait, wait},
		"gzip is still writing":                  {Copy{Incomplete: true}, wait, wait, CopyDecision{Action: CopyAbandon}},
		"empty":                                  {Copy{Empty: true}, wait, wait, done},
		"read before it was copied":              {Copy{Gone: relations{covered}}, done, done, done},
		"holds more than was read":               {Copy{Gone: relations{longer}}, gone(0), gone(0), gone(0)},
		"too short to compare":                   {Copy{Gone: relations{unclear}}, wait, all, all},
		"copy of an earlier content":             {Copy{Gone: relations{unrelated, covered}}, done, done, done},
		"more of an earlier content":             {Copy{Gone: relations{unrelated, longer}}, gone(1), gone(1), gone(1)},
		"the latest content counts first":        {Copy{Gone: relations{longer, covered}}, gone(0), gone(0), gone(0)},
		"too short for the latest content":       {Copy{Gone: relations{unclear, covered}}, wait, done, done},
		"unrelated to all":                       {Copy{Gone: relations{unrelated, unrelated}}, wait, all, all},
		"copy of a file that is being read":      {Copy{LiveOriginal: true}, wait, wait, done},
		"known, and like the file being read":    {Copy{Gone: relations{covered}, LiveOriginal: true}, done, done, done},
		"unclear, and like the file being read":  {Copy{Gone: relations{unclear}, LiveOriginal: true}, wait, wait, done},
		"copy of another log's unread file":      {Copy{Others: []Other{{Unread: true}}}, wait, wait, wait},
		"copy of what another log has read":      {Copy{Others: []Other{{Relation: covered}}}, done, done, done},
		"holds more than another log has read":   {Copy{Others: []Other{{Relation: longer}}}, wait, wait, done},
		"unclear to another log":                 {Copy{Others: []Other{{Relation: unclear}}}, wait, wait, done},
		"unrelated to another log":               {Copy{Others: []Other{{Relation: unrelated}}}, wait, all, all},
		"unrelated to one, covered by another":   {Copy{Others: []Other{{}, {Relation: covered}}}, done, done, done},
		"another log read all of it":             {Copy{Earlier: relations{covered}}, wait, done, done},
		"another log read a part":                {Copy{Earlier: relations{longer}}, wait, earlier(0), earlier(0)},
		"two logs read a part":                   {Copy{Earlier: relations{longer, longer}}, wait, earlier(1), earlier(1)},
		"one read a part, another is unrelated":  {Copy{Earlier: relations{longer, unrelated}}, wait, earlier(0), earlier(0)},
		"one read a part, another all":           {Copy{Earlier: relations{longer, covered}}, wait, done, done},
		"one read all, a longer content is more": {Copy{Earlier: relations{covered, longer}}, wait, done, done},
		"unclear to earlier readers":             {Copy{Earlier: relations{unclear}}, wait, all, all},
	} {
		t.Run(name, func(t *testing.T) {
			for waited, want := range map[time.Duration]CopyDecision{
				0: c.new, Stable - 1: c.new, Stable: c.stable, Patience - 1: c.stable, Patience: c.old, time.Hour: c.old,
			} {
				observed := c.copy
				observed.Waited = waited
				assert.Equal(t, want, observed.Classify(), "waited %v: %v", waited, want.Action)
			}
		})
	}
}

// What was read completely is never read again, whatever else is observed.
func TestCopy_NeverReadsACoveredCopy(t *testing.T) {
	for _, waited := range []time.Duration{0, Stable, Patience} {
		for bits := range 1 << 4 {
			c := Copy{
				Waited: waited, Gone: relations{covered},
				OpenElsewhere: bits&1 != 0, Incomplete: bits&2 != 0, Empty: bits&4 != 0, LiveOriginal: bits&8 != 0,
			}
			assert.NotContains(t, []CopyAction{CopyReadGone, CopyReadEarlier, CopyReadAll}, c.Classify().Action, "%+v", c)
		}
	}
}
