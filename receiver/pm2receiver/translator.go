// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/identity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpc"
)

// translator converts processes to metrics.
type translator struct {
	builder *metadata.MetricsBuilder
	host    string
}

func newTranslator(each metadata.MetricsConfig, set receiver.Settings, host string) *translator {
	cfg := metadata.NewDefaultMetricsBuilderConfig()
	cfg.Metrics = each
	return &translator{builder: metadata.NewMetricsBuilder(cfg, set), host: host}
}

// states are the values of pm2.process.state. All are reported at every collection, so that
// the series of the previous state becomes 0.
var states = [...]struct {
	status rpc.Status
	state  metadata.AttributePm2ProcessState
}{
	{rpc.StatusOnline, metadata.AttributePm2ProcessStateOnline},
	{rpc.StatusLaunching, metadata.AttributePm2ProcessStateLaunching},
	{rpc.StatusStopping, metadata.AttributePm2ProcessStateStopping},
	{rpc.StatusStopped, metadata.AttributePm2ProcessStateStopped},
	{rpc.StatusErrored, metadata.AttributePm2ProcessStateErrored},
	{rpc.StatusWaitingRestart, metadata.AttributePm2ProcessStateWaitingRestart},
	{rpc.StatusOneLaunch, metadata.AttributePm2ProcessStateOneLaunch},
	{rpc.StatusUnknown, metadata.AttributePm2ProcessStateUnknown},
}

func (t *translator) metrics(list []rpc.Process, now time.Time) pmetric.Metrics {
	at := pcommon.NewTimestampFromTime(now)
	for i := range list {
		p := &list[i]
		t.builder.RecordPm2ProcessRestartsDataPoint(at, p.Restarts)
		t.builder.RecordPm2ProcessUnstableRestartsDataPoint(at, p.Unstable)
		for _, s := range states {
			is := int64(0)
			if s.status == p.Status {
				is = 1
			}
			t.builder.RecordPm2ProcessStatusDataPoint(at, is, s.state)
		}
		if p.Running() {
			t.running(p, now)
		}
		resource := pcommon.NewResource()
		identity.Put(resource.Attributes(), t.host, p.Name, p.ID)
		t.builder.EmitForResource(metadata.WithResource(resource))
	}
	return t.builder.Emit()
}

// running records the metrics that only a running process has.
func (t *translator) running(p *rpc.Process, now time.Time) {
	at := pcommon.NewTimestampFromTime(now)
	if !p.Started.IsZero() {
		t.builder.RecordPm2ProcessUptimeDataPoint(at, max(0, now.Sub(p.Started).Seconds()))
	}
	// If the memory is 0, PM2 could not measure the process.
	if p.Memory > 0 {
		t.builder.RecordPm2ProcessMemoryUsageDataPoint(at, p.Memory)
		t.builder.RecordPm2ProcessCPUUtilizationDataPoint(at, p.CPU)
	}
}
