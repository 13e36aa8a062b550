// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// completions returns the words that a shell would offer.
func (c *cli) completions(args ...string) string {
	c.t.Helper()
	out := c.ok(append([]string{"__complete"}, args...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Equal(c.t, ":4", lines[len(lines)-1], "no names of files")
	var offered []string
	for _, line := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(line, "\t")
		offered = append(offered, word)
	}
	return strings.Join(offered, " ")
}

func TestCompletion_SuggestsNamesOfTheRegistry(t *testing.T) {
	c := newCLI(t)
	assert.Empty(t, c.completions("tenant", "show", ""), "there is no registry")
	c.ok("tenant", "create", "acme", "--name", "Acme")
	c.ok("tenant", "create", "beta")
	c.ok("tenant", "create", "gone")
	c.ok("tenant", "delete", "gone", "--yes")
	var k, revoked struct{ ID string }
	c.json(&k, "key", "create", "acme", "--description", "vm")
	c.json(&revoked, "key", "create", "acme")
	c.ok("key", "revoke", revoked.ID)
	for _, command := range []string{"tenant show", "tenant update", "tenant suspend", "tenant resume", "tenant delete", "key create", "key list", "onboard", "audit list --tenant"} {
		assert.Equal(t, "acme beta", c.completions(append(strings.Fields(command), "")...), command)
		assert.Equal(t, "beta", c.completions(append(strings.Fields(command), "b")...), command)
	}
	assert.Empty(t, c.completions("tenant", "show", "acme", ""), "it takes one")
	assert.Equal(t, k.ID, c.completions("key", "rotate", ""))
	assert.Equal(t, k.ID, c.completions("key", "revoke", "k"))
	assert.Equal(t, "table json yaml", c.completions("tenant", "list", "-o", ""))
	assert.Equal(t, "logs metrics traces", c.completions("key", "create", "--scopes", ""))
	assert.Equal(t, "create delete list resume show suspend update", c.completions("tenant", ""))
}

func TestCompletion_ScriptsAreValid(t *testing.T) {
	c := newCLI(t)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script := c.ok("completion", shell)
		assert.Contains(t, script, "__complete", shell)
		program, err := exec.LookPath(shell)
		if err != nil || shell == "powershell" {
			continue // its syntax is checked where the shell is; bash is everywhere
		}
		cmd := exec.Command(program, "-n")
		cmd.Stdin = strings.NewReader(script)
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%s: %s", shell, out)
	}
}
