// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// commands yields every command that does something, with its root.
func commands(t *testing.T, f func(root, c *cobra.Command)) {
	t.Helper()
	root := (&app{streams: streams{out: io.Discard, err: io.Discard}}).command()
	n := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if !c.HasSubCommands() && c.Name() != "help" && c.Parent().Name() != "completion" {
			n++
			f(root, c)
		}
	}
	walk(root)
	require.Greater(t, n, 15)
}

// The help of a command says what it does, what it does not, and how it is called.
func TestHelp_OfEveryCommandIsAManualPage(t *testing.T) {
	commands(t, func(_, c *cobra.Command) {
		path := c.CommandPath()
		assert.NotEmpty(t, c.Short, path)
		assert.True(t, strings.HasSuffix(c.Long, "."), "%s: a description of whole sentences", path)
		assert.NotEmpty(t, c.Example, path)
		for _, line := range strings.Split(c.Long, "\n") {
			assert.LessOrEqual(t, utf8.RuneCountInString(line), 85, "%s: %s", path, line)
		}
	})
	help := newCLI(t).ok("--help")
	for _, name := range []string{
		registryEnv, auditKeyEnv, actorEnv, gatewayConfigEnv, statusSocketEnv,
		grafanaURLEnv, grafanaCredentialsEnv, grafanaCAEnv, grafanaSourcesEnv, grafanaInsecureEnv,
		"PGPASSFILE", "tenants.yaml.audit", "Exit status",
	} {
		assert.Contains(t, help, name)
	}
}

// The help of a command shows the flags of the registry if it uses them.
func TestHelp_ShowsTheRegistryWhereItIsUsed(t *testing.T) {
	without := []string{"status", "health", "setup", "doctor"}
	commands(t, func(root, c *cobra.Command) {
		var out strings.Builder
		root.SetOut(&out)
		require.NoError(t, c.Help())
		for _, name := range []string{"--registry", "--audit-key"} {
			assert.Equal(t, !slices.Contains(without, pathOf(c)), strings.Contains(out.String(), "  "+name+" "), "%s of %s", name, pathOf(c))
		}
	})
}

// The text of --output names the formats that single commands have.
func TestHelp_NamesEachOutputFormat(t *testing.T) {
	commands(t, func(root, c *cobra.Command) {
		for _, format := range strings.Fields(c.Annotations[moreOutputs]) {
			assert.Contains(t, root.PersistentFlags().Lookup("output").Usage, format, c.CommandPath())
		}
	})
}

// Examples have the paths of the package of the gateway, so that they work where it is installed.
func TestHelp_ExamplesHaveThePathsOfThePackage(t *testing.T) {
	seen := 0
	commands(t, func(_, c *cobra.Command) {
		for _, path := range regexp.MustCompile(`/var/lib/[^/\s]+/`).FindAllString(c.Example, -1) {
			seen++
			assert.Equal(t, "/var/lib/otelcol-tenant-gateway/", path, c.CommandPath())
		}
	})
	assert.GreaterOrEqual(t, seen, 5)
}

// A script knows from the help when a command that prints findings fails.
func TestHelp_OfCommandsWithFindingsHasTheExitStatus(t *testing.T) {
	want := map[string]string{"status": "is 1 if there is an error among the findings, or if no gateway", "doctor": "is 1 if there is an error or a warning among the findings"}
	commands(t, func(_, c *cobra.Command) {
		if text, ok := want[c.Name()]; ok {
			assert.Contains(t, c.Long, text, c.CommandPath())
			delete(want, c.Name())
		}
	})
	assert.Empty(t, want)
}

// Every example is a command line that the command takes.
func TestHelp_ExamplesAreValid(t *testing.T) {
	words := regexp.MustCompile(`[^\s"']*"[^"]*"|[^\s"']*'[^']*'|\S+`)
	seen := 0
	commands(t, func(_, c *cobra.Command) {
		for _, line := range strings.Split(strings.ReplaceAll(c.Example, "\\\n", " "), "\n") {
			args := words.FindAllString(line, -1)
			if len(args) == 0 || args[0] != "tenantctl" {
				continue
			}
			var own []string
			for _, arg := range args[1:] {
				if arg == "|" || arg == ">" {
					break
				}
				own = append(own, strings.Trim(arg, `"'`))
			}
			root := (&app{}).command() // flags keep what they were set to
			found, rest, err := root.Find(own)
			require.NoError(t, err, line)
			assert.Equal(t, c.CommandPath(), found.CommandPath(), "an example of another command")
			require.NoError(t, found.ParseFlags(rest), line)
			assert.NoError(t, found.ValidateArgs(found.Flags().Args()), line)
			seen++
		}
	})
	require.Greater(t, seen, 20)
}
