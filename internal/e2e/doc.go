// Package e2e tests whole pipelines through the built binary, as a user runs
// them, and the contracts between components. It has no code of its own.
//
// The binary comes from make build. A test that needs a part that is not on the
// machine skips and says which; with REQUIRE_REAL=1 it fails instead.
package e2e
