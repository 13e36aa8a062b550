// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package condition

import "iter"

// Name is the name of a condition. The set is closed, so that metrics and answers have a
// bounded number of values.
type Name uint8

// The conditions, by the component that reports them.
const (
	// The pm2 receiver.
	LogFilesUnreadable Name = iota
	LogFilesNotRead
	LogFilesMissing
	PM2NotFound
	PM2Unreachable
	CheckpointNotSaved
	PipelineRefuses

	// The client side of bearer_key_auth.
	KeyFileFailed
	KeyNotSent

	// The tenant_routing exporter.
	GatewayUnreachable
	GatewayRefuses
	GatewayBusy
	DestinationInvalid
	QueueOld
	QueueAlmostFull
	StorageFull
	StorageFailed
	DataDropped
	TenantMissing
	FeedbackLoop

	// The storage_check extension.
	StorageDamaged

	numNames
)

// text is what documents and answers show of a condition.
type text struct{ name, meaning, fix string }

var texts = [numNames]text{
	LogFilesUnreadable: {
		"log_files_unreadable", "Log files, or folders with log files, exist and the agent's user may not read them.",
		"Run `tenantctl setup`, or give the agent's user read permission on the files and search permission (x) on every folder above them, or run the agent as the user of PM2.",
	},
	LogFilesNotRead: {
		"log_files_not_read", "PM2 writes log files that the `pm2` receiver does not read.",
		"By cause: `unreadable`: run `tenantctl setup`. `not_included`: add the files to `include`, or to `exclude` if they are not needed. `other_owner`: make the user of PM2 the owner of the file. `link_target`: replace the link by the real path, or make the user of PM2 the owner of its target.",
	},
	LogFilesMissing: {
		"log_files_missing", "There is no log file to read.",
		"Check `PM2_HOME` (`home`, `homes`, `include` of the `pm2` receiver), and that PM2 runs applications.",
	},
	PM2NotFound: {
		"pm2_not_found", "The home folder of PM2 does not exist.",
		"Set `PM2_HOME` to the home folder of PM2, usually `.pm2` in the home folder of the user that runs PM2. On a machine without PM2 run `tenantctl setup --without-pm2`.",
	},
	PM2Unreachable: {
		"pm2_unreachable", "PM2's daemon does not return its list of processes, from which metrics and log paths are taken.",
		"Start PM2. If permission is the reason, run the agent as the user of PM2, or set `PM2_METRICS=false` and save the list with `pm2 save`.",
	},
	CheckpointNotSaved: {
		"checkpoint_not_saved", "Checkpoints of log files cannot be saved. After a crash the agent sends records again.",
		"Make the disk of `STATE_DIR` writable for the agent's user, and free space on it.",
	},
	PipelineRefuses: {
		"pipeline_refuses", "The agent's own pipeline rejects log records. They wait in their files.",
		"See the message. A full queue empties when the gateway accepts data again.",
	},
	KeyFileFailed: {
		"key_file_failed", "The file of the key cannot be read or holds no key. The agent uses the last good key.",
		"Write the key, and nothing else, to the file that `key_file` names, readable for the agent's user.",
	},
	KeyNotSent: {
		"key_not_sent", "The agent does not send the key, because the address is not loopback and has no TLS. Data waits.",
		"Use an https address in `GATEWAY_ENDPOINT`, or set `extensions::bearer_key_auth::client::insecure: true` if the network is trusted.",
	},
	GatewayUnreachable: {
		"gateway_unreachable", "The agent cannot connect to the gateway, or receives no answer. Data waits in the queue.",
		"Check the scheme, the host and the port in `GATEWAY_ENDPOINT`. The port is that of OTLP over HTTP, usually 4318. Check that the gateway runs, and that name resolution, firewalls and certificates allow the connection.",
	},
	GatewayRefuses: {
		"gateway_refuses", "The gateway, or a proxy in front of it, rejects data until the cause is removed. Data waits in the queue.",
		"See the status in the message: 401 and 403 are about the key, 404 and 405 about the path of `GATEWAY_ENDPOINT`.",
	},
	GatewayBusy: {
		"gateway_busy", "The gateway answers and accepts no data at present, because of a limit or a fault of its own. Data waits in the queue.",
		"For 429 raise the tenant's limits in the registry or send less. For 502 and 504 check that the gateway runs and that the proxy in front of it reaches it. For other 5xx look at the gateway's log and its `/health`.",
	},
	DestinationInvalid: {
		"destination_invalid", "The settings of a destination do not work. Data waits in the queue.",
		"Correct the setting that the message names.",
	},
	QueueOld: {
		"queue_old", "Data waits in the queue for longer than `conditions::queue_age`.",
		"Look for another condition that names the cause. If there is none, the gateway accepts less than the agent receives: see `lane::concurrency`.",
	},
	QueueAlmostFull: {
		"queue_almost_full", "The queue is fuller than `conditions::queue_fullness`. When it is full, the agent stops reading and rejects OTLP.",
		"Look for another condition that names the cause, or raise `lane::max_bytes` and `max_total_bytes`.",
	},
	StorageFull: {
		"storage_full", "The disk of the queue is full. The agent stops reading and rejects OTLP.",
		"Free space on the disk of `STATE_DIR`. No restart is needed.",
	},
	StorageFailed: {
		"storage_failed", "The queue on the disk, an archive or a dead letter cannot be written or read.",
		"Check the disk of `STATE_DIR`: that it is mounted writable, and that the agent's user owns the folder.",
	},
	DataDropped: {
		"data_dropped", "Data was permanently rejected, or dropped, within the last 15 minutes.",
		"See the reason in the message and the line in the log. Dead letters are kept: `tenantctl deadletter list` shows them, `tenantctl deadletter replay` sends them again. Anything else is lost.",
	},
	TenantMissing: {
		"tenant_missing", "Data without a tenant, or with another tenant than that of this agent, is rejected.",
		"Set `BUSINESS_ID`, and let every pipeline to `tenant_routing` pass the `tenant` processor.",
	},
	FeedbackLoop: {
		"feedback_loop", "The agent sends to itself and receives its own data in a loop. No data reaches the gateway.",
		"Set `GATEWAY_ENDPOINT` to the address of the gateway. If both run on this machine, change the ports of the agent (`OTLP_HTTP_ENDPOINT`, `OTLP_GRPC_ENDPOINT`) or of the gateway.",
	},
	StorageDamaged: {
		"storage_damaged", "Queue or checkpoint files were damaged, or made the agent crash repeatedly, and were set aside at this start.",
		"Check the disk. The file is kept as `NAME.TIME.damaged` or `NAME.TIME.poison`. The condition ends an hour after the start.",
	},
}

// String returns the name used in answers, logs and metrics.
func (n Name) String() string {
	if n >= numNames {
		return "unknown"
	}
	return texts[n].name
}

// Meaning returns a sentence about what the condition means.
func (n Name) Meaning() string {
	if n >= numNames {
		return ""
	}
	return texts[n].meaning
}

// Fix returns what to do about the condition in general.
func (n Name) Fix() string {
	if n >= numNames {
		return ""
	}
	return texts[n].fix
}

// Names returns all conditions.
func Names() iter.Seq[Name] {
	return func(yield func(Name) bool) {
		for n := range numNames {
			if !yield(n) {
				return
			}
		}
	}
}
