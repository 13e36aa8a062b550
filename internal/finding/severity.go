// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package finding has the words for how bad a finding is, which are the same in all commands that
// report findings: docs/adr/052-severities-of-findings.md.
package finding

import (
	"fmt"
	"slices"
	"strings"
)

// Severity says how bad a finding is. A larger one is worse. The zero Severity is not valid.
type Severity int

const (
	// OK is something that was examined and works.
	OK Severity = iota + 1
	// Note is worth knowing: right in some environments and wrong in others.
	Note
	// Warning is probably a mistake, or will be an error later.
	Warning
	// Error means that data or a secret is exposed, or that data is lost, is rejected or does not
	// arrive.
	Error
)

// Severities returns all severities, the best first.
func Severities() []Severity { return []Severity{OK, Note, Warning, Error} }

// String returns "ok", "note", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case OK:
		return "ok"
	case Note:
		return "note"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return fmt.Sprintf("Severity(%d)", int(s))
}

// Bad reports whether somebody has to do something: s is [Warning] or worse.
func (s Severity) Bad() bool { return s >= Warning }

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) {
	if !slices.Contains(Severities(), s) {
		return nil, fmt.Errorf("%v is not a severity of a finding", s)
	}
	return []byte(s.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Severity) UnmarshalText(text []byte) error {
	var words []string
	for _, known := range Severities() {
		if string(text) == known.String() {
			*s = known
			return nil
		}
		words = append(words, known.String())
	}
	return fmt.Errorf("severity must be %s or %s, got %q", strings.Join(words[:len(words)-1], ", "), words[len(words)-1], text)
}

// Worst returns the worst of severities, [OK] if there is none.
func Worst(all ...Severity) Severity { return slices.Max(append([]Severity{OK}, all...)) }
