// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package docs

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// play runs the blocks of a document and returns the faults.
func play(t *testing.T, source string) []string {
	t.Helper()
	doc := parse([]byte(source))
	require.Empty(t, doc.faults)
	p := player{t: t, name: "planted.md", doc: doc}
	var faults []string
	for i := range doc.blocks {
		if err := p.play(i); err != nil {
			faults = append(faults, err.Error())
		}
	}
	return faults
}

// TestPlay_FindsPlanted: each kind of wrong block is a fault, and the same block without the
// mistake is none.
func TestPlay_FindsPlanted(t *testing.T) {
	for name, pair := range map[string][2]string{
		"a command":         {"```sh\ntrue\n```", "```sh\nfalse\ntrue\n```"},
		"a pipe":            {"```sh\necho a | cat\n```", "```sh\nfalse | cat\n```"},
		"a variable":        {"```sh\nA=b\n```\n\n```sh\necho $A\n```\n\n```text\nb\n```", "```sh\necho $A\n```"},
		"output":            {"```sh\necho a b c\n```\n\n```text\na … c\n```", "```sh\necho a b d\n```\n\n```text\na … c\n```"},
		"no output":         {"```sh\ntrue\n```\n\n```text\n```", "```text\na\n```"},
		"a status":          {"<!-- exit: 3 -->\n```sh\nexit 3\n```", "<!-- exit: 3 -->\n```sh\ntrue\n```"},
		"a file":            {"<!-- file: /etc/a/b -->\n```yaml\na: 1\n```\n\n```sh\ncat /etc/a/b\n```\n\n```text\na: 1\n```", "<!-- file: /proc/a/b -->\n```yaml\na: 1\n```"},
		"a merge":           {"<!-- file: /etc/a -->\n```yaml\na: {b: 1}\n```\n\n<!-- merge: /etc/a -->\n```yaml\na: {c: 2}\n```\n\n```sh\ncat /etc/a\n```\n\n```text\na:\n b: 1\n c: 2\n```", "<!-- merge: /etc/none -->\n```yaml\na: 1\n```"},
		"a background":      {"<!-- until: ready -->\n```sh\necho ready\nsleep 60\n```\n\n```sh\ntrue\n```", ""},
		"a machine":         {"```sh\nA=b; touch /etc/a\n```\n\n<!-- machine: prometheus-user -->\n```sh\ntest ! -e /etc/a && id -u prometheus\n```", "```sh\nA=b\n```\n\n<!-- machine: prometheus-user -->\n```sh\necho $A\n```"},
		"standard input":    {"```sh\nread A || echo none\n```\n\n```text\nnone\n```", "```sh\nread A\n```"},
		"a language":        {"", "```\ntrue\n```"},
		"an indented block": {"<!-- language: sh -->\n\n    true\n", "    true\n"},
		"a reason":          {"<!-- needs: docker -->\n```sh\nfalse\n```", "<!-- needs: time -->\n```sh\nfalse\n```"},
		"a test":            {"<!-- tested by: internal/docs/planted_linux_test.go TestPlay_FindsPlanted -->\n```x\n```", "<!-- tested by: internal/docs/planted_linux_test.go TestNone -->\n```x\n```"},
		"json":              {"```json\n{\"a\": 1}\n```", "```json\n{\"a\": 1\n```"},
		"a target":          {"```make\nmake build  builds\n```", "```make\nmake nothing\n```"},
		"go":                {"```go\nfunc a() { b() }\n```", "```go\nfunc a() { b( }\n```"},
		"a registry":        {"```yaml\ntenants: [{id: a}]\n```", "```yaml\ntenants: [{id: a, nme: x}]\n```"},
		"a part":            {"```yaml\nexporters:\n  tenant_routing:\n    max_total_bytes: 5GiB\n```", "```yaml\nexporters:\n  tenant_routing:\n    max_bytes: 5GiB\n```"},
		"a part below keys": {"<!-- validate: agent at exporters::tenant_routing -->\n```yaml\nlane: {max_age: 24h}\n```", "<!-- validate: agent at exporters::tenant_routing -->\n```yaml\nlane: {age: 24h}\n```"},
		"other YAML":        {"<!-- validate: syntax -->\n```yaml\na: 1\n```", "```yaml\na: 1\n```"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Empty(t, play(t, pair[0]))
			if pair[1] != "" {
				assert.NotEmpty(t, play(t, pair[1]))
			}
		})
	}
}

// TestSandbox_LeavesTheMachineAlone: what a document changes is not changed on the machine.
func TestSandbox_LeavesTheMachineAlone(t *testing.T) {
	box := newSandbox(t)
	name := filepath.Base(t.TempDir()) + "-docs-sandbox"
	files := []string{"/etc/" + name, "/usr/bin/" + name, "/var/lib/" + name, "/root/" + name, "/home/" + name, "/tmp/" + name, "/run/" + name}
	for _, file := range append(files, sourceTree+"/"+name) {
		out, err := box.run(t.Context(), "echo x > "+file)
		require.NoError(t, err, out)
	}
	out, err := box.run(t.Context(), "useradd --system "+name+" && ps ax | wc -l && cat /proc/net/dev")
	require.NoError(t, err, out)
	assert.NotContains(t, out, "eth0")
	for _, file := range append(files, filepath.Join(root, name)) {
		_, err := os.Stat(file)
		assert.ErrorIs(t, err, os.ErrNotExist, file)
	}
	passwd, err := os.ReadFile("/etc/passwd")
	require.NoError(t, err)
	assert.NotContains(t, string(passwd), name)
}

func TestSandbox_EndsCommandsThatHang(t *testing.T) {
	box := newSandbox(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := box.run(ctx, "sleep 60")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		want, got string
		ok        bool
	}{
		{"a", "a\n", true},
		{"a", "a\nb\n", false},
		{"a b", "a    b\n\n", true},
		{"a…c", "abbc\n", true},
		{"a … c", "a b b c\n", true},
		{"a … c", "a c\n", true},
		{"a … c", "a b d\n", false},
		{"a…c", "a\nc\n", false},
		{"a\n…\nc", "a\nb\nb\nc", true},
		{"a\n…\nc", "a\nc", true},
		{"a\n…", "a\nb\nb", true},
		{"…\nc", "a\nc", true},
		{"(a)", "(a)", true},
		{"", "", true},
		{"", "a", false},
	} {
		assert.Equal(t, c.ok, matches(c.want, c.got), "%q %q", c.want, c.got)
	}
}

func TestSplitWords(t *testing.T) {
	assert.Equal(t, []string{"/bin/sh", "-c", "kill -HUP 1", "", "a'b"}, splitWords(`/bin/sh  -c "kill -HUP 1" '' "a'b"`))
	assert.Empty(t, splitWords(" "))
}
