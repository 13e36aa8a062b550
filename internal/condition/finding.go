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

// Finding is what a component found to be wrong just now.
type Finding struct {
	Name Name

	// Cause is a short, enumerable word, such as dns. It is optional.
	Cause string

	// Message says in a sentence what is wrong with what.
	Message string

	// Fix says what to do, if that is more special than Name.Fix.
	Fix string

	// Since is when it began, if the component knows it.
	Since time.Time
}

// bounded returns f with texts that fit on one line of a log.
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

// clip returns text on one line and of a bounded length.
func clip(text string, most int) string {
	if len(text) > 4*most { // before it is cleaned rune by rune
		text = text[:4*most]
	}
	text = strings.TrimSpace(safetext.Clean(text))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most-len("…")], "") + "…"
	}
	return text
}

// Paths returns the first of some paths for a message.
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
