// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package logname

import (
	"regexp"
	"strings"
)

// processNumber matches what PM2 appends to the name of the file of one process.
var processNumber = regexp.MustCompile(`^[-_.](?:0|[1-9]\d{0,4})$`)

// rotationNumber matches what logrotate inserts before the extension of a file.
var rotationNumber = regexp.MustCompile(`^\.\d{1,5}$`)

// Derived reports whether a base name is that of original with digits behind it or before its
// extension, as a rotation by date, time or number makes it, and not that of another process.
func Derived(base, original string) bool {
	base = strings.TrimSuffix(base, ".gz")
	stem := strings.TrimSuffix(original, ".log")
	rest, ok := strings.CutPrefix(strings.TrimSuffix(base, ".log"), stem)
	if !ok || rest == "" || stem == "" || !strings.ContainsAny(rest, "0123456789") || strings.IndexByte("-_.", rest[0]) < 0 {
		return false
	}
	return rotationNumber.MatchString(rest) || !processNumber.MatchString(rest)
}
