package registryfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxShownFaults bounds the length of an error text; the number of those left
// out is told.
const maxShownFaults = 50

// Fault is one thing that is wrong with a registry file. Its text never holds a
// digest or the value of a variable, since those may be secrets.
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

// Faults is the error of [Parse]: everything that is wrong with a file, in the
// order of lines. It is never empty.
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
