// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthclient"
)

// queueOld is how long data may wait before the doctor mentions it.
const queueOld = time.Minute

// askHealth returns the answer of /health, or nil if there is none.
func (x *examination) askHealth(ctx context.Context) *healthclient.Answer {
	if x.agent.Health == "" {
		return nil
	}
	answer, err := healthclient.Get(ctx, x.agent.Health)
	if err != nil || !answer.Known() {
		return nil // the agent does not run, or another program has the port
	}
	return answer
}

// healthFindings reports the conditions and the queue of the running agent.
func (x *examination) healthFindings(context.Context) {
	if x.health == nil {
		return
	}
	h := x.health
	for _, name := range slices.Sorted(maps.Keys(h.Lanes)) {
		l := h.Lanes[name]
		x.queue(name, l.Queued, l.Max, time.Duration(l.Oldest*float64(time.Second)))
		if l.DeadLetters != nil {
			x.warn("queue.dead_letters", name, "There are dead letters: data that was rejected permanently", "`tenantctl deadletter list --directory STATE_DIR/dead-letters` shows them with the reason, and `tenantctl deadletter replay` sends them again.")
		} else {
			x.ok("queue.dead_letters", name, "There are no dead letters")
		}
	}
	for i := range h.Conditions {
		x.condition(&h.Conditions[i])
	}
	switch {
	case len(h.Conditions) > 0:
	case h.Status == healthclient.StatusOK:
		x.ok("agent.condition", x.agent.Health, "The agent reports no condition")
	default:
		x.fail("agent.condition", x.agent.Health, fmt.Sprintf("The agent reports %s: %v %v", h.Status, h.Reasons, h.Components), "Look at the log of the agent: `journalctl -u otelcol-tenant-agent`.")
	}
}

// condition reports a condition of the agent, unless a check has found its cause already.
func (x *examination) condition(c *healthclient.Condition) {
	severity := finding.Error
	if c.Warning {
		severity = finding.Warning
	}
	since := ""
	if c.Since != "" {
		since = " since " + c.Since
	}
	if c.Ending {
		x.ok("agent.condition", c.Name, "The agent has reported "+c.Name+since+". Its cause is gone, and the condition is about to end")
		return
	}
	for i := range x.all {
		if f := &x.all[i]; f.Severity != finding.OK && x.explains(f, c) {
			f.Message += ". The agent reports it as " + c.Name + since
			if severity == finding.Error {
				f.Severity = finding.Error
			}
			return
		}
	}
	if since != "" {
		since = " (" + strings.TrimSpace(since) + ")"
	}
	x.add(Finding{ID: "agent.condition", Severity: severity, Subject: c.Name, Message: c.Message + since, Fix: c.Fix})
}

// causesOf returns the IDs of checks that find the cause of a condition.
func causesOf(condition string) []string {
	switch condition {
	case "log_files_unreadable":
		return []string{"logs.readable"}
	case "log_files_missing":
		return []string{"pm2.home", "pm2.files"}
	case "pm2_not_found":
		return []string{"pm2.home"}
	case "pm2_unreachable":
		return []string{"pm2.socket"}
	case "key_file_failed":
		return []string{"key.present", "key.mode"}
	case "key_not_sent":
		return []string{"gateway.endpoint"}
	case "gateway_unreachable", "destination_invalid":
		return []string{"gateway.endpoint", "gateway.proxy", "gateway.dns", "gateway.tcp", "gateway.tls", "gateway.answer"}
	case "gateway_refuses":
		return []string{"gateway.answer", "gateway.large"}
	case "gateway_busy":
		return []string{"gateway.answer"}
	case "queue_old":
		return []string{"queue.age", "queue.size"}
	case "queue_almost_full":
		return []string{"queue.size"}
	case "storage_full":
		return []string{"disk.space"}
	case "storage_failed":
		return []string{"disk.owner", "disk.space"}
	case "checkpoint_not_saved":
		return []string{"disk.owner", "disk.space"}
	case "data_dropped":
		return []string{"queue.dead_letters"}
	}
	return nil
}

// explains reports whether a finding is the cause of a condition.
func (x *examination) explains(f *Finding, c *healthclient.Condition) bool {
	if !slices.Contains(causesOf(c.Name), f.ID) {
		return false
	}
	if f.endpoint == "" {
		return true
	}
	// About the gateway: a warning stops nothing, an answer must be the same, and there may be several gateways.
	switch {
	case f.Severity != finding.Error:
		return false
	case f.answer != 0 && c.Cause != "http_"+strconv.Itoa(f.answer):
		return false
	}
	return len(x.agent.Destinations) == 1 || strings.Contains(c.Message, f.endpoint)
}

// queue reports data that waits.
func (x *examination) queue(name string, queued, limit int64, oldest time.Duration) {
	message := fmt.Sprintf("%s of %s wait, the oldest for %v", bytesize.Size(queued).Rounded(), bytesize.Size(limit).Rounded(), oldest.Round(time.Second))
	const fix = "See the other findings for the cause. The agent keeps the data until the gateway accepts it."
	switch {
	case limit > 0 && queued > limit/10*8:
		x.fail("queue.size", name, message+": the queue is almost full, and then the agent stops reading", fix)
	case oldest > queueOld:
		x.warn("queue.age", name, message, fix)
	default:
		x.ok("queue.age", name, message)
	}
}
