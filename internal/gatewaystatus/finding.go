// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"cmp"
	"slices"
	"time"
)

// Severity is how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	SeverityError   Severity = "error"   // data does not arrive
	SeverityWarning Severity = "warning" // data may not arrive, or will not soon
	SeverityInfo    Severity = "info"
	SeverityOK      Severity = "ok"
)

func (s Severity) rank() int {
	return slices.Index([]Severity{SeverityError, SeverityWarning, SeverityInfo, SeverityOK}, s)
}

// Finding is something that an operator should know, with its fix.
type Finding struct {
	Severity Severity   `json:"severity"`
	ID       string     `json:"id"` // stable, for programs
	Message  string     `json:"message"`
	Fix      string     `json:"fix,omitempty"`
	Since    *time.Time `json:"since,omitempty"`
}

// sortFindings puts the worst first, and otherwise keeps the order.
func sortFindings(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.Severity.rank(), b.Severity.rank()) })
}

// Worst returns the severity of the worst finding, [SeverityOK] if there is none.
func Worst(all []Finding) Severity {
	worst := SeverityOK
	for i := range all {
		if all[i].Severity.rank() < worst.rank() {
			worst = all[i].Severity
		}
	}
	return worst
}

// Errors returns how many findings are errors.
func Errors(all []Finding) (n int) {
	for i := range all {
		if all[i].Severity == SeverityError {
			n++
		}
	}
	return n
}

// Bad reports whether somebody has to do something.
func (s Severity) Bad() bool { return s == SeverityError || s == SeverityWarning }

// CompareSeverity compares by how bad findings are, the worst first.
func CompareSeverity(a, b Severity) int { return cmp.Compare(a.rank(), b.rank()) }
