// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"os"
	"os/exec"
	"testing"
)

// requireRoot skips a test that only root can run.
func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root, who can grant access to files of others and mount")
	}
}

// requireGetfacl skips a test on a machine without the program that prints access control lists.
func requireGetfacl(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("getfacl"); err != nil {
		missing(t, "getfacl (apt-get install acl)")
	}
}

// missing ends a test because the machine lacks something. With REQUIRE_REAL=1 it fails.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_REAL") == "1" {
		t.Fatal("REQUIRE_REAL=1 and there is no " + what)
	}
	t.Skip("there is no " + what)
}
