// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package installtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var units = map[string]string{
	gateway: "distributions/gateway/otelcol-tenant-gateway.service",
	agent:   "distributions/agent/otelcol-tenant-agent.service",
}

// systemd finds faults in the units.
func TestUnits_AreValid(t *testing.T) {
	analyze := command(t, "systemd-analyze", "systemd")
	for name, file := range units {
		// The programs are looked up below the root of a tree that has them.
		tree := t.TempDir()
		unit, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^Exec\w+=[-+!@:]*(/\S+)`).FindAllSubmatch(unit, -1) {
			program := filepath.Join(tree, string(m[1]))
			require.NoError(t, os.MkdirAll(filepath.Dir(program), 0o755))
			require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755))
		}
		copied := filepath.Join(tree, "etc/systemd/system", name+".service")
		require.NoError(t, os.MkdirAll(filepath.Dir(copied), 0o755))
		require.NoError(t, os.WriteFile(copied, unit, 0o644))
		for _, target := range []string{"network-online.target", "multi-user.target", "basic.target", "sysinit.target", "shutdown.target", "system.slice", "-.mount"} {
			kind := "[Unit]\nDefaultDependencies=no\n"
			if target == "-.mount" {
				continue
			}
			require.NoError(t, os.WriteFile(filepath.Join(tree, "etc/systemd/system", target), []byte(kind), 0o644))
		}
		out, err := exec.Command(analyze, "verify", "--root="+tree, "--man=no", copied).CombinedOutput()
		assert.NoError(t, err, "%s: %s", name, out)
		assert.Empty(t, string(out), name)
	}
}

// The exposure may be 3.0 at most; the threshold is ten times that.
func TestUnits_AreHardened(t *testing.T) {
	analyze := command(t, "systemd-analyze", "systemd")
	for name, file := range units {
		out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=30", "--no-pager", filepath.Join(root, file)).CombinedOutput()
		level := regexp.MustCompile(`Overall exposure level for \S+: (\S+)`).FindString(string(out))
		assert.NoError(t, err, "%s: %s", name, level)
		t.Log(level)
	}
}

// Each directive of a sandbox or bound follows a comment that gives its reason, within a
// group of directives for the same reason.
func TestUnits_GiveReasons(t *testing.T) {
	for name, file := range units {
		unit, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		_, service, _ := strings.Cut(string(unit), "[Service]\n")
		explained := false
		for line := range strings.Lines(service) {
			switch {
			case strings.HasPrefix(line, "#"):
				explained = true
			case line == "\n":
				explained = false
			case hardening.MatchString(line):
				assert.True(t, explained, "%s: no comment before %s", name, line)
			}
		}
	}
}

var hardening = regexp.MustCompile(`^(Protect|Private|Restrict|NoNew|Capability|Ambient|SystemCall|Memory|Lock|Device|Tasks|CPU|Limit|UMask|Keyring|RemoveIPC|OOM)`)
