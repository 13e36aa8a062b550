// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenanthealthextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

// lookInterval is how often the conditions of the components are read.
const lookInterval = time.Second

// conditions tracks the faults that components report. The methods of a nil *conditions do
// nothing.
type conditions struct {
	cfg       *ConditionsConfig
	tracker   *condition.Tracker
	telemetry *metadata.TelemetryBuilder

	recovery *recovery.Recoverer

	stop    chan struct{}
	once    sync.Once
	looking sync.WaitGroup
}

func newConditions(set component.TelemetrySettings, cfg *ConditionsConfig) (*conditions, error) {
	c := &conditions{
		cfg: cfg, stop: make(chan struct{}), recovery: recovery.New(set.Logger),
		tracker: condition.NewTracker(condition.Settings{BeginAfter: cfg.BeginAfter, EndAfter: cfg.EndAfter, Logger: set.Logger}),
	}
	var err error
	if c.telemetry, err = metadata.NewTelemetryBuilder(set); err != nil {
		return nil, err
	}
	return c, c.telemetry.RegisterExtensionTenantHealthConditionCallback(c.observe)
}

// observe reports 1 for each condition that has begun and is no warning, and 0 for the others.
func (c *conditions) observe(_ context.Context, o metric.Int64Observer) error {
	active := map[condition.Name]int64{}
	for _, a := range c.tracker.Active() {
		if !a.Warning {
			active[a.Name] = 1
		}
	}
	for name := range condition.Names() {
		o.Observe(active[name], metric.WithAttributes(attribute.String("condition", name.String())))
	}
	return nil
}

func (c *conditions) start(now func() time.Time) {
	if c == nil {
		return
	}
	c.recovery.Keep(c.stop, &c.looking, "reading the conditions of components", func() {
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		for {
			select {
			case <-c.stop:
				return
			case <-ticker.C:
				c.tracker.Look(now())
			}
		}
	})
}

func (c *conditions) shutdown() {
	if c == nil {
		return
	}
	c.once.Do(func() {
		close(c.stop)
		c.looking.Wait()
		c.telemetry.Shutdown()
	})
}

func (c *conditions) active() []condition.Active {
	if c == nil {
		return nil
	}
	return c.tracker.Active()
}

// post adds a source, until remove is called.
func (c *conditions) post(src condition.Source) (remove func()) {
	if c == nil {
		return func() {}
	}
	return c.tracker.PostConditions(src)
}

// postLanes adds the queues of an exporter as a source.
func (c *conditions) postLanes(id component.ID, report func() healthboard.Lanes) (remove func()) {
	return c.post(condition.Source{ID: id, Kind: component.KindExporter, Report: func() []condition.Finding { return c.laneFindings(report(), time.Now()) }})
}

// laneFindings returns the faults of the queues of an exporter.
func (c *conditions) laneFindings(h healthboard.Lanes, now time.Time) []condition.Finding {
	all := failureFindings(h.Failing, now)
	if h.Oldest > c.cfg.QueueAge {
		all = append(all, condition.Finding{
			Name: condition.QueueOld, Message: fmt.Sprintf("The oldest data in the queue waits for more than %v, the limit is %v", h.Oldest.Truncate(queueStep(h.Oldest)), c.cfg.QueueAge),
		})
	}
	if full := fullness(h); full > c.cfg.QueueFullness {
		all = append(all, condition.Finding{
			Name: condition.QueueAlmostFull, Message: fmt.Sprintf("The queue is %.0f%% full, the limit is %.0f%%", 100*full, 100*c.cfg.QueueFullness),
		})
	}
	if s := h.Storage; s != nil && s.Rejecting {
		message := "The disk of the queue is full, and data is rejected"
		if s.Free >= 0 {
			message += fmt.Sprintf(": %s are free, %s of the disk are a reserve, and the queue has %s", mebibytes(s.Free), mebibytes(s.Reserve), mebibytes(s.Used))
		}
		all = append(all, condition.Finding{Name: condition.StorageFull, Message: message, Since: now.Add(-s.For)})
	}
	return all
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/float64(bytesize.MiB)) }

// queueStep returns the unit to which a message truncates an age.
func queueStep(age time.Duration) time.Duration {
	if age < 10*time.Minute {
		return time.Second
	}
	return time.Minute
}

// fullness returns the fraction of the queue that is in use: that of the fullest lane, or of all
// lanes together if it is larger.
func fullness(h healthboard.Lanes) float64 {
	if h.MaxBytes <= 0 {
		return h.Fullest
	}
	return max(h.Fullest, float64(h.QueuedBytes)/float64(h.MaxBytes))
}
