// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"fmt"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// FindingRegistryStale is the identifier of a registry that was not read for long. Those of
// failures are "registry_" and the class, such as registry_forked.
const FindingRegistryStale = "registry_stale"

// RegistryFault is why the content of a registry's source is not in force, or may not be.
type RegistryFault struct {
	Class    healthboard.FailureClass // empty: there is no failure, and the registry is stale
	Action   string                   // the command that repairs it; empty: there is more than one
	For      time.Duration
	Rejected int  // entries of tenants with faults
	Loaded   bool // an earlier content is in force
	Stale    bool // it was not read for longer than it may be
}

// Finding returns the fault for the operator. It is an error if changes are not in force. That
// is not known of a source that cannot be read, until it has lasted.
func (r *RegistryFault) Finding() Finding {
	f := Finding{Severity: finding.Error, ID: "registry_" + string(r.Class)}
	cause, fix := r.texts()
	f.Fix = fix
	if r.Class == "" {
		f.ID = FindingRegistryStale
	}
	if r.Class == healthboard.FailureUnavailable && r.Loaded && !r.Stale {
		f.Severity = finding.Warning
	}
	if !r.Loaded {
		f.Message = "No registry was loaded yet, so all data is rejected with 503, which agents send again: " + cause + "."
		return f
	}
	f.Message = fmt.Sprintf("Changes of the registry are not in force for %s: %s. What was loaded before is in force.", Duration(r.For), cause)
	return f
}

func (r *RegistryFault) texts() (cause, fix string) {
	switch r.Class {
	case "":
		return "it was not read for longer than registry_max_age", "Look at the log of the gateway: it says when the registry was read last, and what keeps it from reading."
	case healthboard.FailureMissing:
		return "there is no registry where the configuration says", "Restore it from a backup (docs/backup-restore-upgrade.md), or correct its path or connection string in the configuration of the gateway, tenant_registry. A new installation has none until tenantctl tenant create ID; a database needs tenantctl registry migrate before."
	case healthboard.FailureUnsettled:
		return "the file is still being written", "Write it again, whole: a program that replaces it with one rename never leaves a part. tenantctl registry validate checks what is there."
	case healthboard.FailureUnavailable:
		return "it cannot be read", "The gateway's user must be able to read the file and its directory, and a database must run and be reachable from this machine. The log of the gateway names the cause."
	case healthboard.FailureInvalid:
		cause = "it has faults"
		if r.Rejected > 0 {
			cause = fmt.Sprintf("it has faults in %s", Counted(r.Rejected, "entry", "entries"))
		}
		return cause, "Run: tenantctl registry validate. It names each fault with its line; correct them in the file."
	case healthboard.FailureConfig:
		return "the configuration does not say how to reach it", "Correct the connection string in the configuration of the gateway, tenant_registry, and restart it."
	case healthboard.FailureForked:
		command := r.Action
		if command == "" {
			command = "tenantctl registry accept-restore"
		}
		return "it does not follow the registry in force, like a restored backup, and keys that were revoked since would be valid again",
			"If a backup was restored on purpose, run: " + command + " --merge SNAPSHOT. SNAPSHOT is the file of tenant_registry::snapshot of this gateway, which knows what was ended after the backup. If not, put the newest registry back. The log of the gateway has the details."
	}
	return string(r.Class), "Look at the log of the gateway."
}
