// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rotation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
)

func TestByContent_DecisionTable(t *testing.T) {
	const few, much = Evidence - 1, StrongEvidence
	for name, c := range map[string]struct {
		file     ByContent
		new, old ByContentAction
	}{
		"other content":                             {ByContent{Relation: fingerprint.Unrelated, Derived: true, Size: much, Offset: much}, ByContentOwn, ByContentOwn},
		"too short to compare":                      {ByContent{Relation: fingerprint.Unclear}, ByContentOwn, ByContentOwn},
		"too short to compare, derived name":        {ByContent{Relation: fingerprint.Unclear, Derived: true}, ByContentWait, ByContentOwn},
		"all of little, any name":                   {ByContent{Relation: fingerprint.Covered, Size: few, Offset: few}, ByContentOwn, ByContentOwn},
		"all of little, derived name":               {ByContent{Relation: fingerprint.Covered, Derived: true, Size: few, Offset: few}, ByContentCopy, ByContentCopy},
		"all, any name":                             {ByContent{Relation: fingerprint.Covered, Size: Evidence, Offset: Evidence}, ByContentCopy, ByContentCopy},
		"more, any name":                            {ByContent{Relation: fingerprint.Longer, Size: much, Offset: Evidence}, ByContentCopy, ByContentCopy},
		"more than little, any name":                {ByContent{Relation: fingerprint.Longer, Size: much, Offset: few}, ByContentOwn, ByContentOwn},
		"a part, any name":                          {ByContent{Relation: fingerprint.Covered, Size: much - 1, Offset: much}, ByContentOwn, ByContentOwn},
		"a large part, any name":                    {ByContent{Relation: fingerprint.Covered, Size: much, Offset: 2 * much}, ByContentCopy, ByContentCopy},
		"a part, derived name":                      {ByContent{Relation: fingerprint.Covered, Derived: true, Size: few, Offset: much}, ByContentCopy, ByContentCopy},
		"beside little of the same":                 {ByContent{Live: true, Relation: fingerprint.Covered, Size: few, Offset: few}, ByContentOwn, ByContentOwn},
		"beside the same, any name":                 {ByContent{Live: true, Relation: fingerprint.Covered, Size: much, Offset: much}, ByContentWait, ByContentOwn},
		"beside little of the same, derived name":   {ByContent{Live: true, Relation: fingerprint.Covered, Derived: true, Size: few, Offset: few}, ByContentWait, ByContentOwn},
		"beside the same, derived name":             {ByContent{Live: true, Relation: fingerprint.Covered, Derived: true, Size: Evidence, Offset: much}, ByContentCopy, ByContentCopy},
		"beside what was not read yet, derived too": {ByContent{Live: true, Relation: fingerprint.Longer, Derived: true, Size: much, Offset: Evidence}, ByContentCopy, ByContentCopy},
	} {
		t.Run(name, func(t *testing.T) {
			for waited, want := range map[time.Duration]ByContentAction{0: c.new, TruncationDelay - 1: c.new, TruncationDelay: c.old, time.Hour: c.old} {
				u := c.file
				u.Waited = waited
				assert.Equal(t, want, u.Classify(), "waited %v: %v", waited, want)
			}
		})
	}
}
