// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

func TestRegistryFault_HasAFindingForEachClass(t *testing.T) {
	const notInForce = "Changes of the registry are not in force for 5 min: "
	for _, tt := range []struct {
		name     string
		fault    gatewaystatus.RegistryFault
		severity finding.Severity
		id       string
		message  string
		fix      string
	}{
		{"missing", gatewaystatus.RegistryFault{Class: healthboard.FailureMissing, Loaded: true}, finding.Error, "registry_missing", notInForce + "there is no registry", "Restore it from a backup"},
		{"still being written", gatewaystatus.RegistryFault{Class: healthboard.FailureUnsettled, Loaded: true}, finding.Error, "registry_unsettled", notInForce + "the file is still being written", "one rename"},
		{"unavailable", gatewaystatus.RegistryFault{Class: healthboard.FailureUnavailable, Loaded: true}, finding.Warning, "registry_unavailable", "it cannot be read", "must be able to read the file"},
		{"unavailable for long", gatewaystatus.RegistryFault{Class: healthboard.FailureUnavailable, Loaded: true, Stale: true}, finding.Error, "registry_unavailable", "it cannot be read", "must be able to read the file"},
		{"unavailable at the start", gatewaystatus.RegistryFault{Class: healthboard.FailureUnavailable}, finding.Error, "registry_unavailable", "all data is rejected with 503, which agents send again: it cannot be read.", "must be able to read the file"},
		{"invalid", gatewaystatus.RegistryFault{Class: healthboard.FailureInvalid, Loaded: true}, finding.Error, "registry_invalid", notInForce + "it has faults.", "Run: tenantctl registry validate"},
		{"one invalid entry", gatewaystatus.RegistryFault{Class: healthboard.FailureInvalid, Loaded: true, Rejected: 1}, finding.Error, "registry_invalid", "it has faults in 1 entry.", "Run: tenantctl registry validate"},
		{"invalid entries", gatewaystatus.RegistryFault{Class: healthboard.FailureInvalid, Loaded: true, Rejected: 3}, finding.Error, "registry_invalid", "it has faults in 3 entries.", "Run: tenantctl registry validate"},
		{"misconfigured", gatewaystatus.RegistryFault{Class: healthboard.FailureConfig}, finding.Error, "registry_misconfigured", "the configuration does not say how to reach it", "Correct the connection string"},
		{
			"a restored backup",
			gatewaystatus.RegistryFault{Class: healthboard.FailureForked, Loaded: true, Action: "tenantctl registry accept-restore --above 7"},
			finding.Error, "registry_forked",
			notInForce + "it does not follow the registry in force", "run: tenantctl registry accept-restore --above 7 --merge SNAPSHOT.",
		},
		{"a restored backup without a command", gatewaystatus.RegistryFault{Class: healthboard.FailureForked, Loaded: true}, finding.Error, "registry_forked", "restored backup", "run: tenantctl registry accept-restore --merge SNAPSHOT."},
		{"stale", gatewaystatus.RegistryFault{Loaded: true, Stale: true}, finding.Error, "registry_stale", "it was not read for longer than registry_max_age", "log of the gateway"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.fault.For = 5 * time.Minute
			f := tt.fault.Finding()
			assert.Equal(t, tt.severity, f.Severity)
			assert.Equal(t, tt.id, f.ID)
			assert.Contains(t, f.Message, tt.message)
			assert.Contains(t, f.Fix, tt.fix)
			if tt.fault.Class != healthboard.FailureInvalid {
				assert.NotContains(t, f.Fix, "Run: tenantctl registry validate", "it says that the registry is valid")
			}
		})
	}
}
