// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package condition

import (
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

const (
	maxCause   = 64
	maxMessage = 600
	maxFix     = 400

	// MaxPaths is how many paths a message lists.
	MaxPaths = 3
	maxPath  = 150
)

// Finding is a fault that a component has at present.
type Finding struct {
	Name Name

	// Cause is a short, enumerable word, such as dns. It is optional.
	Cause string

	// Message is a sentence that says what is wrong with what.
	Message string

	// Fix says what to do, if it is more specific than Name.Fix.
	Fix string

	// Minor is set if the finding counts only while its component has no other finding of the
	// same name.
	Minor bool

	// Warning is set if the component does its work, and could do more. The condition is shown,
	// and the collector counts as healthy.
	Warning bool

	// Since is when the fault began, or zero if the component does not know that.
	Since time.Time
}

// bounded returns f with texts of bounded length, each on one line.
func (f Finding) bounded() Finding {
	f.Cause, f.Message, f.Fix = clip(f.Cause, maxCause), clip(f.Message, maxMessage), clip(f.Fix, maxFix)
	if f.Message == "" {
		f.Message = f.Name.Meaning()
	}
	if f.Fix == "" {
		f.Fix = f.Name.Fix()
	}
	return f
}

// clip returns text on one line, in at most limit bytes.
func clip(text string, limit int) string {
	if len(text) > 4*limit { // cleaning is slow
		text = text[:4*limit]
	}
	text = strings.TrimSpace(safetext.Clean(text))
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit-len("…")], "") + "…"
	}
	return text
}

// Paths returns the first [MaxPaths] paths for a message, separated by commas.
func Paths(paths []string) string {
	shown := make([]string, 0, MaxPaths+1)
	for _, p := range paths[:min(len(paths), MaxPaths)] {
		shown = append(shown, clip(p, maxPath))
	}
	if len(paths) > MaxPaths {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}
