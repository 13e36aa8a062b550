// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"maps"
	"os"
	"testing"
)

// directVariable is the variable of the shipped gateway that decides whether requests may go to
// tenant_routing without being decoded.
const directVariable = "DIRECT"

// eachWay runs a test of the shipped gateway as it is, and with all requests decoded. What is
// true for tenants must be true for both.
func eachWay(t *testing.T, test func(*testing.T)) {
	t.Helper()
	t.Run("direct", test)
	t.Run("decoded", func(t *testing.T) {
		t.Setenv(directVariable, "off")
		test(t)
	})
}

// wayOf adds the variable to the environment of a gateway, unless the test has set it.
func wayOf(env map[string]string) map[string]string {
	way, ok := os.LookupEnv(directVariable)
	if _, own := env[directVariable]; own || !ok {
		return env
	}
	with := map[string]string{directVariable: way}
	maps.Copy(with, env)
	return with
}
