// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rotation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
)

func TestUnnamed_DecisionTable(t *testing.T) {
	const few, much = Evidence - 1, StrongEvidence
	for name, c := range map[string]struct {
		file     Unnamed
		new, old UnnamedAction
	}{
		"other content":                             {Unnamed{Relation: fingerprint.Unrelated, Derived: true, Size: much, Offset: much}, UnnamedOwn, UnnamedOwn},
		"too short to compare":                      {Unnamed{Relation: fingerprint.Unclear}, UnnamedOwn, UnnamedOwn},
		"too short to compare, derived name":        {Unnamed{Relation: fingerprint.Unclear, Derived: true}, UnnamedWait, UnnamedOwn},
		"all of little, any name":                   {Unnamed{Relation: fingerprint.Covered, Size: few, Offset: few}, UnnamedOwn, UnnamedOwn},
		"all of little, derived name":               {Unnamed{Relation: fingerprint.Covered, Derived: true, Size: few, Offset: few}, UnnamedCopy, UnnamedCopy},
		"all, any name":                             {Unnamed{Relation: fingerprint.Covered, Size: Evidence, Offset: Evidence}, UnnamedCopy, UnnamedCopy},
		"more, any name":                            {Unnamed{Relation: fingerprint.Longer, Size: much, Offset: Evidence}, UnnamedCopy, UnnamedCopy},
		"more than little, any name":                {Unnamed{Relation: fingerprint.Longer, Size: much, Offset: few}, UnnamedOwn, UnnamedOwn},
		"a part, any name":                          {Unnamed{Relation: fingerprint.Covered, Size: much - 1, Offset: much}, UnnamedOwn, UnnamedOwn},
		"a large part, any name":                    {Unnamed{Relation: fingerprint.Covered, Size: much, Offset: 2 * much}, UnnamedCopy, UnnamedCopy},
		"a part, derived name":                      {Unnamed{Relation: fingerprint.Covered, Derived: true, Size: few, Offset: much}, UnnamedCopy, UnnamedCopy},
		"beside little of the same":                 {Unnamed{Live: true, Relation: fingerprint.Covered, Size: few, Offset: few}, UnnamedOwn, UnnamedOwn},
		"beside the same, any name":                 {Unnamed{Live: true, Relation: fingerprint.Covered, Size: much, Offset: much}, UnnamedWait, UnnamedOwn},
		"beside little of the same, derived name":   {Unnamed{Live: true, Relation: fingerprint.Covered, Derived: true, Size: few, Offset: few}, UnnamedWait, UnnamedOwn},
		"beside the same, derived name":             {Unnamed{Live: true, Relation: fingerprint.Covered, Derived: true, Size: Evidence, Offset: much}, UnnamedCopy, UnnamedCopy},
		"beside what was not read yet, derived too": {Unnamed{Live: true, Relation: fingerprint.Longer, Derived: true, Size: much, Offset: Evidence}, UnnamedCopy, UnnamedCopy},
	} {
		t.Run(name, func(t *testing.T) {
			for waited, want := range map[time.Duration]UnnamedAction{0: c.new, TruncationDelay - 1: c.new, TruncationDelay: c.old, time.Hour: c.old} {
				u := c.file
				u.Waited = waited
				assert.Equal(t, want, u.Classify(), "waited %v: %v", waited, want)
			}
		})
	}
}
