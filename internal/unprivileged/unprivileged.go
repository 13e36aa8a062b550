// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package unprivileged runs tests of missing permissions without the privileges of root.
package unprivileged

import "testing"

// Rerun runs the test t again in a process of an unprivileged user, if this process runs as
// root. It reports whether it did; then t must return. t must be no subtest and must need no
// file of its folder. On systems without such a user Rerun reports false.
func Rerun(t *testing.T) bool {
	t.Helper()
	return rerun(t)
}
