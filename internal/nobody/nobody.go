// Package nobody lets tests of missing rights be run by root, which has them all.
package nobody

import "testing"

// Again runs the test t again, in a process of a user without any rights, if this
// one is of root. It reports whether it did; then t has nothing else to do. t must not
// be a subtest and must need no file of its folder. Where there is no such user it
// reports false.
func Again(t *testing.T) bool {
	t.Helper()
	return again(t)
}
