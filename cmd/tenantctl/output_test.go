// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/safetext"
)

// outputCases are command lines of every command. KEY is replaced by the ID of a key,
// DIR by an empty folder, FILE by a registry file.
var outputCases = map[string]string{
	"tenant create": "tenant create b", "tenant list": "tenant list", "tenant show": "tenant show a", "tenant update": "tenant update a --name A",
	"tenant suspend": "tenant suspend a", "tenant resume": "tenant resume a", "tenant delete": "tenant delete a --yes",
	"key create": "key create a", "key list": "key list", "key rotate": "key rotate KEY", "key revoke": "key revoke KEY",
	"onboard": "onboard a --endpoint https://g --new-key", "registry validate": "registry validate", "registry import": "registry import FILE --replace --yes",
	"audit list": "audit list", "audit verify": "audit verify", "deadletter list": "deadletter list --directory DIR",
	"lint":                    "lint FILE --fail-on error",
	"registry accept-restore": "registry accept-restore --merge FILE --yes",
	"registry export":         "registry export", // as a table, in the format of the registry, which is what it is for
	"registry migrate":        "",                // of a database alone
	"deadletter replay":       "",                // needs a server to send to
	"status":                  "",                // needs a gateway, see status_test.go
	"grafana provision":       "",                // needs a Grafana, see grafana_test.go
	"grafana deprovision":     "",                // the same
	"grafana export":          "",                // the same
	"grafana import":          "",                // the same
	"health":                  "",                // needs a server, see health_test.go
	"setup":                   "",                // prints what it does, for people
	"doctor":                  "",                // needs an agent, see internal/e2e/ten_causes_linux_test.go
}

// Programs can read the output of every command. A new command needs a case too.
func TestOutput_OfEveryCommandInEveryFormat(t *testing.T) {
	commands(t, func(root, c *cobra.Command) {
		path := strings.TrimPrefix(c.CommandPath(), root.Name()+" ")
		line, known := outputCases[path]
		require.True(t, known, "%s has no case", path)
		if line == "" {
			return
		}
		shapes := map[string]any{}
		for _, format := range []string{"table", "json", "yaml"} {
			cli := newCLI(t)
			cli.ok("tenant", "create", "a")
			var k struct{ ID string }
			cli.json(&k, "key", "create", "a")
			file := filepath.Join(t.TempDir(), "other.yaml")
			require.NoError(t, os.WriteFile(file, []byte("tenants: [{id: z}]\n"), 0o600))
			args := strings.Fields(strings.NewReplacer("KEY", k.ID, "DIR", t.TempDir(), "FILE", file).Replace(line))
			out := cli.ok(append(args, "-o", format)...)
			require.NotEmpty(t, out, "%s -o %s", path, format)
			var v any
			switch format {
			case "json":
				require.NoError(t, json.Unmarshal([]byte(out), &v), "%s: %s", path, out)
			case "yaml":
				require.NoError(t, yaml.Unmarshal([]byte(out), &v), "%s: %s", path, out)
				assert.False(t, json.Valid([]byte(out)) && strings.HasPrefix(out, "{"), "%s: that is JSON", path)
			default:
				assert.False(t, json.Valid([]byte(out)), "%s: people read no JSON", path)
				continue
			}
			shapes[format] = shapeOf(v)
		}
		assert.Equal(t, shapes["json"], shapes["yaml"], "%s: both have the same names", path)
	})
}

// Text that YAML reads as a number or a time stays text.
func TestRegistryExport_AsJSONCanBeImported(t *testing.T) {
	cli := newCLI(t)
	cli.ok("tenant", "create", "007", "--name", "2026-01-01", "--attribute", "plan=1e3")
	cli.ok("key", "create", "007", "--expires", "90d", "--source-cidr", "10.1.0.0/16")
	cli.ok("tenant", "update", "007", "--limit", "daily_bytes=20GiB", "--route", "logs=loki")
	file := filepath.Join(t.TempDir(), "export.json")
	require.NoError(t, os.WriteFile(file, []byte(cli.ok("registry", "export", "-o", "json")), 0o600))
	other := newCLI(t)
	other.ok("registry", "import", file)
	for _, format := range []string{"json", "table"} {
		assert.Equal(t, cli.ok("tenant", "show", "007", "-o", format), other.ok("tenant", "show", "007", "-o", format))
	}
	assert.Equal(t, cli.ok("registry", "export", "--reformat"), other.ok("registry", "export", "--reformat"))
}

// shapeOf returns v with the type of each value in its place.
func shapeOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			if strings.HasPrefix(name, "keys.") {
				name = "keys." // the ID is another one each time
			}
			out[name] = shapeOf(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for n, value := range v {
			out[n] = shapeOf(value)
		}
		return out
	case bool:
		return "bool"
	case nil:
		return nil
	}
	return "scalar"
}

// TestOutput_HasNoControlSequences has such characters wherever a registry
// can: C0 and C1 are rejected by it, the others are not.
func TestOutput_HasNoControlSequences(t *testing.T) {
	const evil = "x\u202ey\u2066z\u200bq\ufeff\U000e0041"
	c := newCLI(t)
	c.ok("tenant", "create", "a", "--name", evil, "--attribute", "k="+evil, "--attribute", "k"+evil+"=v", "--var", "v="+evil)
	c.ok("key", "create", "a", "--description", evil)
	for _, args := range [][]string{
		{"tenant", "list"},
		{"tenant", "show", "a"},
		{"key", "list"},
		{"key", "list", "a"},
		{"registry", "validate"},
		{"onboard", "a", "--endpoint", "https://g"},
		{"audit", "list"},
		{"tenant", "show", evil},
		{"key", "revoke", evil},
		{"tenant", "create", evil},
		{"--" + evil},
		{evil},
		{"deadletter", "list", "--directory", evil},
	} {
		for _, format := range []string{"table", "json", "yaml"} {
			r := c.run(append(args, "-o", format)...)
			for _, char := range r.out + r.err {
				if char != '\n' && char != '\t' && !safetext.Safe(char) {
					t.Errorf("%v -o %s prints %U", args, format, char)
					break
				}
			}
		}
	}
	var v struct{ Name string }
	c.json(&v, "tenant", "show", "a")
	assert.Equal(t, evil, v.Name, "in JSON it is still the same text")
	assert.Equal(t, c.file(), c.ok("registry", "export"), "a copy is the registry as it is")
}
