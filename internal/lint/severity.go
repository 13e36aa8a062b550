// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import "fmt"

// Severity says how bad a finding is. A larger one is worse.
type Severity int

const (
	// Note is a setting that is right in some environments and wrong in others.
	Note Severity = iota + 1
	// Warning is a missing protection, or a setting that is probably a mistake.
	Warning
	// Error is a setting with which data or a secret is exposed, or data is lost or rejected.
	Error
)

// String returns "note", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return fmt.Sprintf("Severity(%d)", int(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Severity) UnmarshalText(text []byte) error {
	for _, known := range []Severity{Note, Warning, Error} {
		if string(text) == known.String() {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("severity must be note, warning or error, got %q", text)
}
