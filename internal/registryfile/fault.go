// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxShownFaults bounds the number of faults in the text of an error, which ends
// with the number of the others.
const maxShownFaults = 50

// Fault is one error in a registry file. Its text never has a digest or the value
// of a variable, which may be secrets.
type Fault struct {
	Line   int    // counted from 1
	Tenant string // as written; empty outside of an entry
	Path   string // such as keys[1].sha256; empty for the entry as a whole
	Reason string
}

// Error implements error.
func (f Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d: ", f.Line)
	if f.Tenant != "" {
		fmt.Fprintf(&b, "tenant %q: ", f.Tenant)
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Reason)
	return b.String()
}

// Faults is the error of [Parse]: every fault of a file, ordered by line. It is
// never empty.
type Faults []Fault

// Error implements error with one line per fault.
func (fs Faults) Error() string {
	shown := fs[:min(len(fs), maxShownFaults)]
	lines := make([]string, 0, len(shown)+1)
	for _, f := range shown {
		lines = append(lines, f.Error())
	}
	if more := len(fs) - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

func (fs Faults) sorted() Faults {
	slices.SortStableFunc(fs, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return fs
}
