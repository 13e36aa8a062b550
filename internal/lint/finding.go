// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"fmt"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

// Finding is one fault. Its texts contain no secret.
type Finding struct {
	Rule     string           `json:"rule"`
	Severity finding.Severity `json:"severity"`
	File     string           `json:"file"`
	Line     int              `json:"line,omitempty"`   // from 1; 0: the file as a whole
	Column   int              `json:"column,omitempty"` // from 1
	// Key is the path of the setting, such as receivers::otlp::protocols::http::endpoint.
	Key     string `json:"key"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
	Docs    string `json:"docs"`
	// Suppressed is the reason with which a comment in the file suppresses the finding; empty: it
	// is not suppressed.
	Suppressed string `json:"suppressed,omitempty"`
}

// String returns the finding in the form of compilers.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %v %s: %s: %s", f.position(), f.Severity, f.Rule, f.Key, f.Message)
}

func (f Finding) position() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}
