// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

func exposureRules() []Rule {
	return []Rule{
		{
			ID: "OT401", Family: FamilyExposure, Severity: finding.Error,
			Title: "pprof or zpages is reachable from other machines",
			Why:   "Neither has authentication. Profiles and traces contain data of tenants and secrets in memory, and a profile costs a processor.",
			Fix:   "Listen on loopback, and use a tunnel such as ssh -L.",
			check: checkPublished(func(l *listener) bool { return typeOf(l.id) == "pprof" || typeOf(l.id) == "zpages" }),
		},
		{
			ID: "OT402", Family: FamilyExposure, Severity: finding.Warning,
			Title: "The collector's metrics are reachable from other machines",
			Why:   "The listener has no authentication and no limit of connections, so a client can use up the file descriptors of the process.",
			Fix:   "Listen on loopback, or let only the monitoring connect, and suppress this finding with that reason.",
			check: checkPublished(func(l *listener) bool { return l.section == "service" }),
		},
		{
			ID: "OT403", Family: FamilyExposure, Severity: finding.Note,
			Title: "The health endpoint is reachable from other machines",
			Why:   "It shows state and counts to everyone. A load balancer or an orchestrator may need that.",
			Fix:   "Listen on loopback, or let only the monitoring connect.",
			check: checkPublished(func(l *listener) bool { return typeOf(l.id) == "tenanthealth" || typeOf(l.id) == "healthcheck" }),
		},
		{
			ID: "OT404", Family: FamilyExposure, Severity: finding.Warning,
			Title: "The debug exporter is in a pipeline",
			Why:   "It writes data of tenants to the collector's log, where other people and systems read it.",
			Fix:   "Remove debug from the pipelines.",
			check: checkDebug,
		},
	}
}

func checkPublished(matches func(*listener) bool) func(*config, reporter) {
	return func(c *config, report reporter) {
		for i := range c.listeners {
			l := &c.listeners[i]
			if l.section == "receivers" || !matches(l) || !l.beyondLoopback() {
				continue
			}
			key := l.key + "::endpoint"
			if l.section == "service" {
				key = l.key + "::host"
			}
			report(l.at, key, "listens on %s, which other machines can reach", l.address)
		}
	}
}

func checkDebug(c *config, report reporter) {
	for i := range c.pipelines {
		p := &c.pipelines[i]
		at := p.value.at("exporters")
		for _, item := range at.list() {
			if kind := typeOf(item.text()); slices.Contains([]string{"debug", "logging"}, kind) {
				report(item, "service::pipelines::"+p.id+"::exporters", "has %s", item.text())
			}
		}
	}
}
