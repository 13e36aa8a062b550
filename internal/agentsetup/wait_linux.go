// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthclient"
)

const (
	// conditionsKnown is after how long /health is complete: a condition begins 10 s after its cause is seen, which
	// needs the start of the agent and an answer of PM2.
	conditionsKnown = 15 * time.Second

	// conditionsEnd is after how long a condition has ended that setup has removed the cause of: agents look for
	// files and try the gateway again every few seconds, and a condition ends 10 s after its cause.
	conditionsEnd = 40 * time.Second
)

// causeDenied is the cause of pm2_unreachable if the agent's user may not use the socket of PM2.
const causeDenied = "denied"

// Condition is what keeps the agent from doing its work, as its /health reports it.
type Condition = healthclient.Condition

// wait returns when the gateway has accepted a record and the agent reports no condition.
func (r *run) wait(ctx context.Context, w *watch, before state) error {
	if r.Wait <= 0 {
		return nil
	}
	endpoint, _ := r.in.env.Get(varEndpoint)
	r.say("Waiting for %s to accept a record (at most %v).", endpoint, r.Wait)
	ctx, cancel := context.WithTimeout(ctx, r.Wait)
	defer cancel()
	begin := time.Now()
	fresh := r.result.Service != "unchanged"
	wanted := before.delivered
	if !fresh && !slices.Contains(r.result.Written, defaultKeyFile) {
		wanted = 0 // nothing has changed: what was accepted earlier counts
	}
	var last state
	for {
		last = w.state(ctx)
		faults, ending := last.failing()
		if ctx.Err() == nil {
			r.result.Conditions = []Condition{}
			if last.health != nil {
				r.result.Conditions = append(r.result.Conditions, last.health.Conditions...)
			}
		}
		if !r.result.Delivered && last.known && last.delivered > wanted {
			r.result.Delivered, r.result.Seconds = true, time.Since(r.began).Seconds()
			r.say("The gateway has accepted the first records, %.0f s after the start of this command.", r.result.Seconds)
		}
		complete := !fresh || time.Since(begin) >= conditionsKnown
		final := last.ok() || len(faults) > 0 && !ending && time.Since(begin) >= min(conditionsEnd, r.Wait/2)
		if r.result.Delivered && complete && final {
			break
		}
		select {
		case <-ctx.Done():
			return r.incomplete(context.WithoutCancel(ctx), last)
		case <-time.After(pollInterval):
		}
	}
	for _, c := range last.health.Warnings() {
		if r.noted(c) {
			continue
		}
		r.say("Note: %s", c.Message)
		r.say("  %s", c.Fix)
	}
	faults, _ := last.failing()
	switch {
	case len(faults) > 0:
		return r.incomplete(ctx, last)
	case r.without:
		r.say("The agent reports no fault. It receives OTLP, and reads no logs of PM2.")
	default:
		r.say("The agent reports no fault. It reads %d log files of %d homes of PM2.", r.logs(), len(r.result.Homes))
	}
	return nil
}

// noted reports whether this setup has printed a note about the cause of a condition.
func (r *run) noted(c Condition) bool {
	return r.unsaved && c.Warning && c.Name == condition.PM2Unreachable.String() && c.Cause == causeDenied
}

func (r *run) logs() (n int) {
	for _, h := range r.result.Homes {
		n += h.Logs
	}
	return n
}

// incomplete says what is missing.
func (r *run) incomplete(ctx context.Context, last state) error {
	names := []string{}
	for _, c := range r.result.Conditions {
		if !r.noted(c) {
			r.say("%s: %s", c.Name, c.Message)
			r.say("  Fix: %s", c.Fix)
		}
		if !c.Warning {
			names = append(names, c.Name)
		}
	}
	switch {
	case len(names) > 0 && r.result.Delivered:
		return fmt.Errorf("the agent delivers, and reports %s", strings.Join(names, ", "))
	case len(names) > 0:
		return fmt.Errorf("no record was accepted within %v; the agent reports %s", r.Wait, strings.Join(names, ", "))
	case last.health == nil:
		line := ""
		if hasSystemd(r.Root) {
			line = lastLogLine(ctx)
		}
		return fmt.Errorf("the agent does not run: %s", cmp.Or(line, "it does not answer; see `tenantctl doctor`"))
	case r.result.Delivered:
		return fmt.Errorf("the agent delivers, and its /health is not ok: see `tenantctl doctor`")
	}
	return fmt.Errorf("no record was accepted within %v: see `tenantctl doctor`", r.Wait)
}
