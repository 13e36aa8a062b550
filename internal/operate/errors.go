// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"fmt"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
)

// InputError reports that a value given to an action cannot be used. Nothing was
// changed.
type InputError struct {
	// Field is the field of the action's settings in the spelling of the
	// registry file, such as "source_cidrs".
	Field string

	// Item is the item of a list or mapping, such as the name of a variable.
	// It is empty if the error is about the field as a whole.
	Item string

	// Malformed is set if no registry and no tenant could use the value.
	Malformed bool

	// Err is the reason.
	Err error
}

// Error returns the field, the item and the reason.
func (e *InputError) Error() string { return e.Describe(e.Field) }

// Describe returns the text of the error with another name for the field, such
// as that of a flag.
func (e *InputError) Describe(field string) string {
	reason := e.Err.Error()
	switch {
	case e.Item != "":
		return fmt.Sprintf("%s %s: %s", field, e.Item, reason)
	case strings.HasPrefix(reason, "must ") || strings.HasPrefix(reason, "is ") || strings.HasPrefix(reason, "looks ") || strings.HasPrefix(reason, "has "):
		return field + " " + reason
	default:
		return field + ": " + reason
	}
}

// Unwrap returns the reason.
func (e *InputError) Unwrap() error { return e.Err }

func malformed(field, item, format string, args ...any) error {
	return &InputError{Field: field, Item: item, Malformed: true, Err: fmt.Errorf(format, args...)}
}

// DryRunError is the error of an action that would succeed but was called with
// [Request.DryRun]. Nothing was changed.
type DryRunError struct {
	// Changes are the changes that the action would make.
	Changes []audit.Change
}

// Error reports that nothing was changed.
func (*DryRunError) Error() string { return "dry run: nothing was changed" }
