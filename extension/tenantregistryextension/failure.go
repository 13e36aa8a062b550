// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
)

const (
	// faultsPerLine is the number of faults in one log line.
	faultsPerLine = 50

	// maxLoggedFaults bounds the number of faults that are logged for one registry.
	maxLoggedFaults = 10_000

	// maxShownFaults is the number of faults that health shows.
	maxShownFaults = 20
)

// errStillWritten is the error of a registry that keeps changing.
var errStillWritten = errors.New("is still being written")

// classify returns the class of err.
func classify(err error) healthboard.FailureClass {
	switch {
	case errors.Is(err, registrydb.ErrDSN):
		return healthboard.FailureConfig
	case errors.As(err, new(*forkError)):
		return healthboard.FailureForked
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, registrydb.ErrNoRegistry), errors.Is(err, registrydb.ErrRowGone):
		return healthboard.FailureMissing
	case errors.Is(err, errStillWritten):
		return healthboard.FailureUnsettled
	case errors.As(err, new(registryfile.Faults)), errors.As(err, new(registrydb.RowFaults)),
		errors.Is(err, registrydb.ErrInconsistent), errors.Is(err, registrydb.ErrSchema), recovery.Is(err):
		return healthboard.FailureInvalid
	}
	return healthboard.FailureUnavailable
}

// newFailure returns err without the names of tenants.
func newFailure(err error, since time.Time) *healthboard.RegistryFailure {
	f := &healthboard.RegistryFailure{Class: classify(err), Since: since}
	var fork *forkError
	if errors.As(err, &fork) {
		f.Action = fork.command
	}
	rejected := make(map[string]bool)
	var faults registryfile.Faults
	var rows registrydb.RowFaults
	switch {
	case errors.As(err, &faults):
		for _, fault := range faults {
			if fault.Tenant != "" {
				rejected[fault.Tenant] = true
			} else {
				f.Rejected++
			}
			f.Faults = append(f.Faults, healthboard.RejectedEntry{Line: fault.Line, Field: fieldOf(fault.Path)})
		}
	case errors.As(err, &rows):
		for _, fault := range rows {
			rejected[fault.Tenant] = true
			f.Faults = append(f.Faults, healthboard.RejectedEntry{Row: fault.Row})
		}
	}
	f.Rejected += len(rejected)
	f.Faults = slices.Clip(f.Faults[:min(len(f.Faults), maxShownFaults)])
	return f
}

// fieldOf returns the first name of a path if the format defines it. The rest of the
// path may be chosen by the operator.
func fieldOf(path string) string {
	name, _, _ := strings.Cut(path, ".")
	name, _, _ = strings.Cut(name, "[")
	if !slices.Contains(registryfile.TenantFields(), name) {
		return ""
	}
	return name
}

// furtherFaults returns log lines with the faults that the text of err omits, and the
// number of those that are not in the lines either.
func furtherFaults(err error) (lines []string, more int) {
	var faults registryfile.Faults
	var rows registrydb.RowFaults
	switch {
	case errors.As(err, &faults):
		lines, more = split(faults, func(part []registryfile.Fault) string { return registryfile.Faults(part).Error() })
	case errors.As(err, &rows):
		lines, more = split(rows, func(part []registrydb.RowFault) string { return registrydb.RowFaults(part).Error() })
	}
	return lines, more
}

func split[T any](faults []T, text func([]T) string) (lines []string, more int) {
	if len(faults) <= faultsPerLine {
		return nil, 0
	}
	more = max(0, len(faults)-maxLoggedFaults)
	for part := range slices.Chunk(faults[faultsPerLine:len(faults)-more], faultsPerLine) {
		lines = append(lines, text(part))
	}
	return lines, more
}
