// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package condition

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
)

// A condition that another one explains is not shown while that lasts, whichever of both is
// found first, and also if another component has found it.
func TestSuppressions_Table(t *testing.T) {
	require.NotEmpty(t, suppressions)
	for _, rule := range suppressions {
		consequence := Finding{Name: rule.consequence, Cause: "other cause"}
		if len(rule.only) > 0 {
			consequence.Cause = rule.only[0]
		}
		for name, findings := range map[string][2][]Finding{
			"cause first":       {{{Name: rule.cause}}, {{Name: rule.cause}, consequence}},
			"consequence first": {{consequence}, {consequence, {Name: rule.cause}}},
			"both at once":      {{consequence, {Name: rule.cause}}, {consequence, {Name: rule.cause}}},
		} {
			t.Run(fmt.Sprintf("%v explains %v, %s", rule.cause, rule.consequence, name), func(t *testing.T) {
				r := newRig(t)
				var other []Finding
				r.PostConditions(Source{ID: component.MustNewID("pm2"), Kind: component.KindReceiver, Report: func() []Finding { return other }})
				for _, other = range [][]Finding{nil, {consequence}} {
					r.findings = findings[0]
					r.run(5 * time.Second)
					r.findings = findings[1]
					r.run(time.Minute)
					assert.Equal(t, []string{rule.cause.String()}, r.names())
				}
			})
		}
		if rule.unless != "" {
			t.Run(fmt.Sprintf("%v does not explain %v if it is %s", rule.cause, rule.consequence, rule.unless), func(t *testing.T) {
				r := newRig(t)
				r.findings = []Finding{{Name: rule.cause, Cause: rule.unless}, consequence}
				r.run(time.Minute)
				assert.ElementsMatch(t, []string{rule.cause.String(), rule.consequence.String()}, r.names())
			})
		}
		if len(rule.only) > 0 {
			t.Run(fmt.Sprintf("%v with another cause than %v", rule.consequence, rule.cause), func(t *testing.T) {
				r := newRig(t)
				r.findings = []Finding{{Name: rule.cause}, {Name: rule.consequence, Cause: "another one"}}
				r.run(time.Minute)
				assert.ElementsMatch(t, []string{rule.cause.String(), rule.consequence.String()}, r.names())
			})
		}
	}
}

func TestSuppressions_HideNoCauseAndNoLoss(t *testing.T) {
	for _, rule := range suppressions {
		assert.NotEqual(t, rule.cause, rule.consequence)
		assert.NotContains(t, []Name{DataDropped, QueueOld, QueueAlmostFull, KeyNotSent, PM2NotFound, StorageFull, FeedbackLoop}, rule.consequence)
		for _, other := range suppressions {
			if other.cause == rule.consequence {
				// What it explains is explained by its own cause too, so that nothing is
				// shown twice or not at all.
				assert.True(t, explains(rule.cause, other.consequence), "%v explains %v, which explains %v", rule.cause, rule.consequence, other.consequence)
			}
		}
	}
}

func explains(cause, consequence Name) bool {
	for _, rule := range suppressions {
		if rule.cause == cause && rule.consequence == consequence {
			return true
		}
	}
	return false
}

func TestTracker_ConsequenceIsShownAfterItsCause(t *testing.T) {
	r := newRig(t)
	both := []Finding{{Name: PM2NotFound}, {Name: PM2Unreachable, Cause: "absent"}}
	r.findings = both[1:]
	r.run(30 * time.Second)
	assert.Equal(t, []string{"pm2_unreachable"}, r.names())
	r.findings = both
	r.run(10 * time.Second)
	assert.Equal(t, []string{"pm2_unreachable"}, r.names(), "the cause has not begun")
	r.run(2 * time.Second)
	assert.Equal(t, []string{"pm2_not_found"}, r.names())
	assert.Equal(t, 1, r.logs.FilterMessage("Condition is explained by another one").Len())

	r.findings = both[1:]
	r.run(20 * time.Second) // until the cause has ended
	assert.Empty(t, r.names())
	r.run(9 * time.Second)
	assert.Empty(t, r.names(), "it may end with its cause")
	r.run(2 * time.Second)
	assert.Equal(t, []string{"pm2_unreachable"}, r.names())
}

// A cause that is found now and then, and never for long enough to begin, hides nothing.
func TestTracker_FlappingCauseHidesNothing(t *testing.T) {
	r := newRig(t)
	for range 20 {
		r.findings = []Finding{{Name: KeyNotSent}, {Name: DestinationInvalid, Cause: "key_not_sent"}}
		r.run(5 * time.Second)
		r.findings = []Finding{{Name: DestinationInvalid, Cause: "key_not_sent"}}
		r.run(time.Second)
	}
	assert.Equal(t, []string{"destination_invalid"}, r.names())
}
