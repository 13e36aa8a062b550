// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"cmp"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

// Finding is something that an operator should know, with its fix.
type Finding struct {
	Severity finding.Severity `json:"severity"`
	ID       string           `json:"id"` // stable, for programs
	Message  string           `json:"message"`
	Fix      string           `json:"fix,omitempty"`
	Since    *time.Time       `json:"since,omitempty"`
}

// Sort puts the worst first, and otherwise keeps the order.
func Sort(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
}

// Worst returns the severity of the worst finding, [finding.OK] if there is none.
func Worst(all []Finding) finding.Severity {
	worst := finding.OK
	for i := range all {
		worst = max(worst, all[i].Severity)
	}
	return worst
}

// Errors returns how many findings are errors.
func Errors(all []Finding) (n int) {
	for i := range all {
		if all[i].Severity == finding.Error {
			n++
		}
	}
	return n
}
