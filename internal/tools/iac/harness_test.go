// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package iac

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
)

// folder is distributions/terraform.
const folder = "../../../distributions/terraform"

// command returns the path of a program of Debian. Without it the test is skipped, or fails
// with REQUIRE_REAL=1.
func command(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	missing(t, name)
	return ""
}

// missing ends a test because the machine lacks something. With REQUIRE_REAL=1 it fails.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_REAL") == "1" {
		t.Fatalf("REQUIRE_REAL=1 and there is no %s", what)
	}
	t.Skipf("there is no %s", what)
}

// load parses a module of distributions/terraform.
func load(t *testing.T, name string) *Module {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(folder, name))
	require.NoError(t, err)
	m, err := Load(dir)
	require.NoError(t, err)
	return m
}

func list(values ...string) cty.Value {
	all := make([]cty.Value, len(values))
	for i, value := range values {
		all[i] = cty.StringVal(value)
	}
	return cty.TupleVal(all)
}

func download(url string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{
		"url": cty.StringVal(url), "sha256": cty.StringVal("0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
	})
}

const publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH2f9Z0Jv0uJ2gq0t8kX5wq8y0mFqk6e8mYyY8YxkXyz ann@laptop"

// inputs returns the inputs that all machines need, with changes.
func inputs(changes map[string]cty.Value) map[string]cty.Value {
	all := map[string]cty.Value{"ssh_authorized_keys": list(publicKey), "ssh_source_cidrs": list("203.0.113.0/24", "2001:db8::/48")}
	for name, value := range changes {
		if value == cty.NilVal {
			delete(all, name)
		} else {
			all[name] = value
		}
	}
	return all
}

// stackInputs returns the inputs of a machine with a stack.
func stackInputs(changes map[string]cty.Value) map[string]cty.Value {
	all := inputs(map[string]cty.Value{
		"role": cty.StringVal("stack"), "domain": cty.StringVal("obs.example.com"),
		"bundle": download("https://downloads.example.com/stacks.tar.gz"), "image": download("https://downloads.example.com/image.tar"),
	})
	for name, value := range changes {
		all[name] = value
	}
	return all
}
