// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"path"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/configcheck"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

func lossRules() []Rule {
	gateway := []Role{RoleGateway}
	return []Rule{
		{
			ID: "OT501", Family: FamilyLoss, Severity: finding.Warning,
			Title: "No memory_limiter",
			Why:   "A collector that runs out of memory is killed, and data that is not in storage is lost.",
			Fix:   "Add memory_limiter as the first processor.",
			check: checked(configcheck.NoMemoryLimiter),
		},
		{
			ID: "OT502", Family: FamilyLoss, Severity: finding.Warning,
			Title: "memory_limiter is not the first processor",
			Why:   "The processors in front of it process data that should have been rejected.",
			Fix:   "Put memory_limiter first.",
			check: checked(configcheck.MemoryLimiterNotFirst),
		},
		{
			ID: "OT503", Family: FamilyLoss, Severity: finding.Warning,
			Title: "tenant_routing without storage",
			Why:   "Acknowledged data is only in memory, and is lost when the process ends.",
			Fix:   "Set storage to a file_storage extension.",
			check: checked(configcheck.NoStorage),
		},
		{
			ID: "OT504", Family: FamilyLoss, Severity: finding.Warning,
			Title: "A sending queue in memory",
			Why:   "Data in the queue was acknowledged, and is lost when the process ends.",
			Fix:   "Set sending_queue::storage to a file_storage extension, or deliver through tenant_routing.",
			check: checked(configcheck.QueueInMemory),
		},
		{
			ID: "OT505", Family: FamilyLoss, Severity: finding.Warning,
			Title: "Dead letters are off",
			Why:   "Data that a destination rejects permanently is dropped and counted. It cannot be looked at or sent again.",
			Fix:   "Set dead_letter::directory of tenant_routing.",
			check: checked(configcheck.NoDeadLetters),
		},
		{
			ID: "OT506", Family: FamilyLoss, Severity: finding.Warning,
			Title: "An exporter that drops what the gateway rejects",
			Why:   "Exporters of OTLP drop data that is answered with 401, 403, 404 or 413, such as after a key has expired.",
			Fix:   "Deliver through tenant_routing, which keeps the data.",
			check: checked(configcheck.ExporterDrops),
		},
		{
			ID: "OT507", Family: FamilyLoss, Severity: finding.Note,
			Title: "An archive without fsync",
			Why:   "A power failure loses about the last 30 seconds of data that was delivered to the archive.",
			Fix:   "Set archive::fsync to true.",
			check: checkArchives,
		},
		{
			ID: "OT508", Family: FamilyLoss, Severity: finding.Note,
			Title: "Storage without fsync",
			Why:   "A power failure loses acknowledged data, and can damage the file.",
			Fix:   "Set fsync of file_storage to true.",
			check: checkFsync,
		},
		{
			ID: "OT509", Family: FamilyLoss, Severity: finding.Warning,
			Title: "State in a directory that is emptied",
			Why:   "The operating system removes files in this directory at a restart or after some days: queues, checkpoints, dead letters and the audit log are lost.",
			Fix:   "Use a directory such as /var/lib/otelcol-tenant.",
			check: checkTemporary,
		},
		{
			ID: "OT510", Family: FamilyLoss, Severity: finding.Note, roles: gateway,
			Title: "Quotas start again at a restart",
			Why:   "Without storage, the counts of daily and monthly quotas are lost when the process ends.",
			Fix:   "Set limits::storage of the tenant processor.",
			check: checkQuotas,
		},
		{
			ID: "OT511", Family: FamilyLoss, Severity: finding.Warning, roles: gateway,
			Title: "A registry without a snapshot",
			Why:   "A gateway that starts while the registry is missing, damaged or not reachable rejects all data.",
			Fix:   "Set snapshot of tenant_registry.",
			check: checkSnapshot,
		},
		{
			ID: "OT512", Family: FamilyLoss, Severity: finding.Warning, roles: gateway,
			Title: "Rejected requests are not audited",
			Why:   "After an incident there is no record of where keys were guessed, and of revoked keys that were used.",
			Fix:   "Set failures::audit::directory of bearer_key_auth.",
			check: checkAudit,
		},
	}
}

func checkArchives(c *config, report reporter) {
	c.destinations(func(key string, d *value) {
		archive := d.at("archive")
		if archive.isSet() && (!archive.at("fsync").isSet() || archive.at("fsync").text() == "false") {
			report(firstOf(archive.at("fsync"), archive), key+"::archive::fsync", "is false: data that was delivered can be lost in a power failure")
		}
	})
}

// destinations calls f for every destination of the tenant_routing exporters in use.
func (c *config) destinations(f func(key string, d *value)) {
	for _, id := range c.used("exporters") {
		if typeOf(id) != typeRouting {
			continue
		}
		all := c.root.at("exporters", id, "destinations")
		for _, name := range all.names() {
			f("exporters::"+id+"::destinations::"+name, all.at(name))
		}
	}
}

func firstOf(values ...*value) *value {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return nil
}

func checkFsync(c *config, report reporter) {
	for _, id := range c.used("extensions") {
		set := c.root.at("extensions", id)
		if typeOf(id) == "filestorage" && (!set.at("fsync").isSet() || set.at("fsync").text() == "false") {
			report(firstOf(set.at("fsync"), set), "extensions::"+id+"::fsync", "is false: acknowledged data can be lost in a power failure")
		}
	}
}

// emptied are directories that the operating system empties.
var emptied = []string{"/tmp", "/var/tmp", "/dev/shm", "/run", "/var/run"}

func checkTemporary(c *config, report reporter) {
	look := func(v *value, key string) {
		dir := path.Clean(v.text())
		for _, parent := range emptied {
			if v.text() != "" && (dir == parent || strings.HasPrefix(dir, parent+"/")) {
				report(v, key, "is %s, below %s", v.text(), parent)
				return
			}
		}
	}
	for _, id := range c.used("extensions") {
		set, key := c.root.at("extensions", id), "extensions::"+id
		switch typeOf(id) {
		case "filestorage":
			look(set.at("directory"), key+"::directory")
		case typeKeyAuth:
			look(set.at("failures", "audit", "directory"), key+"::failures::audit::directory")
		case typeRegistry:
			look(set.at("snapshot"), key+"::snapshot")
		}
	}
	for _, id := range c.used("exporters") {
		if typeOf(id) == typeRouting {
			look(c.root.at("exporters", id, "dead_letter", "directory"), "exporters::"+id+"::dead_letter::directory")
		}
	}
	c.destinations(func(key string, d *value) { look(d.at("archive", "directory"), key+"::archive::directory") })
}

func checkQuotas(c *config, report reporter) {
	for _, id := range c.used("processors") {
		set := c.root.at("processors", id)
		if typeOf(id) != typeTenant || set.at("source").text() != "auth" || set.at("limits", "storage").isSet() {
			continue
		}
		key := "processors::" + id + "::limits::storage"
		report(c.locate(key), key, "is not set: the counts of quotas are lost when the process ends")
	}
}

func checkSnapshot(c *config, report reporter) {
	for _, id := range c.used("extensions") {
		set := c.root.at("extensions", id)
		if typeOf(id) == typeRegistry && !set.at("snapshot").isSet() {
			report(set, "extensions::"+id+"::snapshot", "is not set: without its source the gateway rejects all data after a restart")
		}
	}
}

func checkAudit(c *config, report reporter) {
	for _, id := range c.used("extensions") {
		set := c.root.at("extensions", id)
		if typeOf(id) != typeKeyAuth || !set.at("registry").isSet() || set.at("failures", "audit", "directory").isSet() {
			continue
		}
		if !slices.ContainsFunc(c.listeners, func(l listener) bool { return l.set.at("auth", "authenticator").text() == id }) {
			continue
		}
		key := "extensions::" + id + "::failures::audit::directory"
		report(c.locate(key), key, "is not set: requests that are rejected leave no trace")
	}
}
