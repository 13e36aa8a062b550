// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package condition

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// rig is a tracker with one source whose findings a test sets, and a clock.
type rig struct {
	*Tracker
	t        *testing.T
	now      time.Time
	logs     *observer.ObservedLogs
	findings []Finding
	statuses []componentstatus.Status
	remove   func()
}

func newRig(t *testing.T) *rig {
	core, logs := observer.New(zap.InfoLevel)
	r := &rig{t: t, now: noon, logs: logs, Tracker: NewTracker(Settings{BeginAfter: 10 * time.Second, EndAfter: 20 * time.Second, Logger: zap.New(core)})}
	r.remove = r.PostConditions(Source{
		ID: component.MustNewID("tenant_routing"), Kind: component.KindExporter,
		Report: func() []Finding { return r.findings },
		Status: func(e *componentstatus.Event) { r.statuses = append(r.statuses, e.Status()) },
	})
	return r
}

// run looks once a second for so long.
func (r *rig) run(d time.Duration) {
	for range d / time.Second {
		r.now = r.now.Add(time.Second)
		r.Look(r.now)
	}
}

func (r *rig) names() (all []string) {
	for _, a := range r.Active() {
		all = append(all, a.Name.String())
	}
	return all
}

// What two parts of a component find counts once, whichever is asked first.
func TestTracker_AMinorFindingYields(t *testing.T) {
	r := newRig(t)
	var other []Finding
	r.PostConditions(Source{ID: component.MustNewID("tenant_routing"), Kind: component.KindExporter, Report: func() []Finding { return other }})
	r.findings = []Finding{{Name: PM2Unreachable, Message: "No metrics", Minor: true}}
	r.run(20 * time.Second)
	require.Len(t, r.Active(), 1)
	assert.Equal(t, "No metrics", r.Active()[0].Message)
	other = []Finding{{Name: PM2Unreachable, Message: "No list and no metrics"}}
	r.run(time.Second)
	require.Len(t, r.Active(), 1)
	assert.Equal(t, "No list and no metrics", r.Active()[0].Message)
}

func TestTracker_BeginsAndEndsAfterAWhile(t *testing.T) {
	r := newRig(t)
	r.findings = []Finding{{Name: GatewayUnreachable, Cause: "dns", Message: "No such host"}}
	r.run(10 * time.Second)
	assert.Empty(t, r.names())
	r.run(time.Second)
	require.Len(t, r.Active(), 1)
	a := r.Active()[0]
	assert.Equal(t, "exporter/tenant_routing", a.Component)
	assert.Equal(t, noon.Add(time.Second), a.Since, "it began when it was found first")
	assert.Equal(t, GatewayUnreachable.Fix(), a.Fix)
	assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, r.statuses)

	r.findings = nil
	r.run(19 * time.Second)
	assert.Len(t, r.Active(), 1)
	r.run(time.Second)
	assert.Empty(t, r.Active())
	assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, r.statuses)

	all := r.logs.All()
	require.Len(t, all, 2)
	assert.Equal(t, "No such host", all[0].Message)
	assert.Equal(t, zapcore.WarnLevel, all[0].Level, "the collector adds stack traces to errors")
	assert.Equal(t, map[string]any{
		"condition": "gateway_unreachable", "component": "exporter/tenant_routing", "cause": "dns",
		"for": 10 * time.Second, "fix": GatewayUnreachable.Fix(),
	}, all[0].ContextMap())
	assert.Equal(t, "Condition has ended", all[1].Message)
	assert.Equal(t, 10*time.Second, all[1].ContextMap()["after"])
}

// A warning is shown, and the component is not reported as failed. It becomes a fault at once.
func TestTracker_AWarningIsNoFault(t *testing.T) {
	r := newRig(t)
	r.findings = []Finding{{Name: PM2Unreachable, Message: "No list", Warning: true}}
	r.run(20 * time.Second)
	require.Len(t, r.Active(), 1)
	assert.True(t, r.Active()[0].Warning)
	assert.Empty(t, r.statuses)
	r.findings = []Finding{{Name: PM2Unreachable, Message: "No daemon"}}
	r.run(time.Second)
	require.Len(t, r.Active(), 1)
	assert.False(t, r.Active()[0].Warning)
	assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, r.statuses)
}

func TestTracker_SaysThatAConditionIsEnding(t *testing.T) {
	r := newRig(t)
	r.findings = []Finding{{Name: GatewayUnreachable, Message: "No such host"}}
	r.run(20 * time.Second)
	require.Len(t, r.Active(), 1)
	assert.False(t, r.Active()[0].Ending)
	r.findings = nil
	r.run(time.Second)
	require.Len(t, r.Active(), 1)
	assert.True(t, r.Active()[0].Ending)
	r.findings = []Finding{{Name: GatewayUnreachable, Message: "No such host"}}
	r.run(time.Second)
	assert.False(t, r.Active()[0].Ending)
}

func TestTracker_ShortFailuresAndPausesChangeNothing(t *testing.T) {
	r := newRig(t)
	found := []Finding{{Name: GatewayBusy}}
	for range 20 { // a blip now and then
		r.findings = found
		r.run(9 * time.Second)
		r.findings = nil
		r.run(time.Second)
	}
	assert.Empty(t, r.Active())
	assert.Zero(t, r.logs.Len())
	r.findings = found
	r.run(11 * time.Second)
	for range 20 { // a success now and then
		r.findings = nil
		r.run(19 * time.Second)
		r.findings = found
		r.run(time.Second)
		assert.Len(t, r.Active(), 1)
	}
	assert.Len(t, r.statuses, 1)
	assert.Zero(t, r.logs.FilterMessage("Condition has ended").Len())
}

func TestTracker_LogsWithGrowingIntervals(t *testing.T) {
	r := newRig(t)
	r.findings = []Finding{{Name: GatewayUnreachable, Cause: "dns", Message: "m"}}
	r.run(24 * time.Hour)
	var minutes []int
	for _, e := range r.logs.All() {
		lasts, _ := e.ContextMap()["for"].(time.Duration)
		minutes = append(minutes, int(lasts/time.Minute))
	}
	assert.Equal(t, []int{0, 1, 3, 7, 15, 31, 63, 123}, minutes[:8])
	assert.Len(t, minutes, 7+(24*60-63)/60)

	before := r.logs.Len()
	for i := range 1000 { // another cause is logged at once, but not each time
		r.findings[0].Cause = fmt.Sprint("cause ", i%100)
		r.run(time.Second)
	}
	assert.LessOrEqual(t, r.logs.Len()-before, maxCauses)
}

func TestTracker_TextsAreBounded(t *testing.T) {
	r := newRig(t)
	long := strings.Repeat("é\x1b[31m\u202e", 1_000_000)
	r.findings = []Finding{{Name: LogFilesMissing, Cause: long, Message: long, Fix: long}, {Name: numNames}, {Name: LogFilesMissing, Message: "second"}}
	r.run(11 * time.Second)
	require.Len(t, r.Active(), 1)
	a := r.Active()[0]
	assert.LessOrEqual(t, len(a.Cause), maxCause)
	assert.LessOrEqual(t, len(a.Message), maxMessage)
	assert.LessOrEqual(t, len(a.Fix), maxFix)
	assert.NotContains(t, a.Message, "\x1b")
	assert.NotContains(t, a.Message, "\u202e")
	assert.NotEqual(t, "second", a.Message)
}

func TestTracker_SinceIsTheComponentsIfItKnows(t *testing.T) {
	r := newRig(t)
	r.findings = []Finding{{Name: QueueOld, Since: noon.Add(-time.Hour)}}
	r.run(11 * time.Second)
	assert.Equal(t, noon.Add(-time.Hour), r.Active()[0].Since)
	r.findings = []Finding{{Name: QueueOld, Since: noon}}
	r.run(time.Second)
	assert.Equal(t, noon.Add(-time.Hour), r.Active()[0].Since, "it has not ended meanwhile")
}

func TestTracker_SourcesOfOneComponent(t *testing.T) {
	r := newRig(t)
	second := r.PostConditions(Source{ID: component.MustNewID("tenant_routing"), Kind: component.KindExporter, Report: func() []Finding { return []Finding{{Name: DataDropped}} }})
	r.run(11 * time.Second)
	assert.Equal(t, []string{"data_dropped"}, r.names())
	r.remove()
	assert.Equal(t, []string{"data_dropped"}, r.names())
	second()
	assert.Empty(t, r.names(), "nobody knows how it goes on")
	second()
	r.findings = []Finding{{Name: QueueOld}}
	r.run(time.Minute)
	assert.Empty(t, r.names(), "a source is not called after it was removed")
}

func TestTracker_APanicChangesNothing(t *testing.T) {
	r := newRig(t)
	r.findings = []Finding{{Name: QueueOld}}
	bad := false
	r.remove()
	r.remove = r.PostConditions(Source{ID: component.MustNewID("x"), Kind: component.KindReceiver, Report: func() []Finding {
		if bad {
			panic("out of range")
		}
		return r.findings
	}, Status: func(*componentstatus.Event) { panic("no host") }})
	r.run(11 * time.Second)
	bad = true
	r.run(time.Minute)
	assert.Equal(t, []string{"queue_old"}, r.names())
}

func TestTracker_IsSafeForConcurrentUse(t *testing.T) {
	tr := NewTracker(Settings{Logger: zap.NewNop()})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 100 {
				remove := tr.PostConditions(Source{ID: component.MustNewIDWithName("pm2", fmt.Sprint(i)), Kind: component.KindReceiver, Report: func() []Finding { return []Finding{{Name: PM2NotFound}} }})
				tr.Look(noon)
				tr.Active()
				remove()
			}
		})
	}
	wg.Wait()
	assert.Empty(t, tr.Active())
	assert.Empty(t, tr.states)
}
