// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !unix

package guard

// fileLimit returns false: the limit of open files is not known.
func fileLimit() (int64, bool) { return 0, false }
