// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package dashboards

// agents is the dashboard of agents.
func agents() *board {
	health := "otelcol_extension_tenant_health_condition"
	return &board{
		name: "agent", uid: "otelcol-tenant-agent", title: "Agents",
		description: "The agents on application VMs, as far as Prometheus scrapes them.",
		tags:        []string{"operator", "agent"}, refresh: "30s", from: "now-6h",
		variables: instances(pm2+"checkpoint_age_seconds", "agents"),
		rows: []row{
			{"Overview", []panel{
				stat("Agents", "Agents that answer to Prometheus.", "short", `sum(up{SEL})`),
				stat("With a condition", "Agents that report a condition, which is a fault with a cause and a fix.", "short", `count(max by (instance) (`+health+`{SEL}) == 1) or vector(0)`, warnFrom(1)),
				stat("Log records", "Log records of PM2 that were accepted, per second.", "cps", `sum(rate(`+pm2+`lines_total{SEL}[$__rate_interval]))`),
				stat("Delivered", "Records that the gateway accepted, per second.", "cps", `sum(rate(`+routing+`delivered_records_total{SEL}[$__rate_interval]))`),
				stat("Oldest queued data", "Age of the oldest data in a queue.", "s", `max(`+routing+`queue_age_seconds{SEL})`, warnFrom(300), alarmFrom(3600)),
				stat("Lost in 24 h", "Accepted records that were dropped in the last 24 hours.", "short", `sum(increase(`+routing+`dropped_records_total{SEL}[24h])) or vector(0)`, alarmFrom(1)),
			}},
			{"Conditions", []panel{
				table(operatorSource, "Conditions", "The conditions that agents report now. README.md of the agent lists causes and fixes.", "short", query{expr: within(`max by (instance, condition) (` + health + `{SEL}) == 1`)}),
				one("Agents by condition", "Agents that report a condition.", "short", "{{condition}}", `sum by (condition) (`+health+`{SEL}) > 0`).wide(12).pile(),
			}},
			{"PM2", []panel{
				one("Log records", "Log records that were accepted, per second.", "cps", "{{instance}}", `sum by (instance) (rate(`+pm2+`lines_total{SEL}[$__rate_interval]))`).pile(),
				one("Bytes read", "Bytes of log files whose records were accepted, per second.", "Bps", "{{instance}}", `sum by (instance) (rate(`+pm2+`read_bytes_total{SEL}[$__rate_interval]))`).pile(),
				one("Unread bytes", "Bytes of log files that are not accepted yet.", "bytes", "{{instance}}", `sum by (instance) (`+pm2+`lag_bytes{SEL})`),
				one("Rotations and truncations", "Times that another file took the place of a followed one, and that a followed file lost what had been read.", "short", "rotations {{instance}}", `sum by (instance) (increase(`+pm2+`rotations_total{SEL}[$__rate_interval]))`),
				one("Files that are not read", "Files found in PM2's folders that are not read, by reason.", "short", "{{instance}} {{reason}}", `sum by (instance, reason) (`+pm2+`skipped_files_total{SEL}) > 0`),
				one("Age of checkpoints", "Time since checkpoints were last saved.", "s", "{{instance}}", `max by (instance) (`+pm2+`checkpoint_age_seconds{SEL})`),
				graph(operatorSource, "Lost and dropped lines", "Lines that could not be decoded, and records that the next consumer permanently rejected, in the interval.", "short",
					query{expr: within(`sum by (instance) (increase(` + pm2 + `lost_lines_total{SEL}[$__rate_interval]))`), legend: "lost {{instance}}"},
					query{expr: within(`sum by (instance) (increase(` + pm2 + `refused_records_total{SEL}[$__rate_interval]))`), legend: "rejected {{instance}}"}),
				one("Records sent again", "Records sent again after the next consumer rejected them, per second.", "cps", "{{instance}}", `sum by (instance) (rate(`+pm2+`redelivered_records_total{SEL}[$__rate_interval]))`),
				one("PM2's daemon does not answer", "Times that PM2's daemon gave no process list, by reason.", "short", "{{instance}} {{reason}}", `sum by (instance, reason) (increase(`+pm2+`failed_collections_total{SEL}[$__rate_interval])) > 0`),
			}},
			delivery(),
			resources(false),
		},
	}
}
