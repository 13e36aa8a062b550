// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package iac

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
)

// sandbox runs the bootstrap script of a machine with this machine's programs, but with
// empty /srv, /opt and /etc/otelcol-tenant-bootstrap of its own, and with substitutes that record
// what they are asked to do: docker, systemctl, apt-get, tenantctl, and a curl that reads
// local files instead of https URLs.
type sandbox struct {
	t                               *testing.T
	dir, srv, opt, bin, files, call string
	script                          string
}

func newSandbox(t *testing.T, u *userData) *sandbox {
	t.Helper()
	bwrap := command(t, "bwrap")
	if os.Getuid() != 0 {
		t.Skip("the script runs as root")
	}
	if out, err := exec.Command(bwrap, "--ro-bind", "/", "/", "true").CombinedOutput(); err != nil {
		t.Skipf("bwrap does not work here: %s", out)
	}
	root := t.TempDir()
	s := &sandbox{t: t, dir: filepath.Join(root, "settings"), srv: filepath.Join(root, "srv"), opt: filepath.Join(root, "opt"), bin: filepath.Join(root, "bin"), files: filepath.Join(root, "files"), call: filepath.Join(root, "calls")}
	for _, dir := range []string{s.dir, s.srv, s.opt, s.bin, s.files} {
		require.NoError(t, os.Mkdir(dir, 0o755))
	}
	for _, f := range u.Files {
		if strings.HasPrefix(f.Path, "/etc/otelcol-tenant-bootstrap/") {
			require.NoError(t, os.WriteFile(filepath.Join(s.dir, filepath.Base(f.Path)), []byte(f.Content), 0o600))
		}
	}
	s.script = write(t, "bootstrap", u.file(t, "/usr/local/sbin/otelcol-tenant-bootstrap"))
	for _, name := range []string{"docker", "systemctl", "apt-get", "tenantctl"} {
		s.substitute(name, "")
	}
	s.substitute("curl", `while [ $# -gt 1 ]; do [ "$1" != --output ] || out=$2; shift; done; cp "`+s.files+`/${1##*/}" "$out"`)
	return s
}

func (s *sandbox) substitute(name, body string) {
	s.t.Helper()
	text := "#!/bin/sh\necho " + name + ` "$*" >> ` + s.call + "\n" + body + "\n"
	require.NoError(s.t, os.WriteFile(filepath.Join(s.bin, name), []byte(text), 0o755))
}

// offer makes a file available for download and returns its SHA-256.
func (s *sandbox) offer(name string, content []byte) string {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.files, name), content, 0o600))
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func (s *sandbox) run() (string, error) {
	s.t.Helper()
	// The last bind makes the sandbox's own folders writable, which are below /tmp.
	cmd := exec.CommandContext(s.t.Context(), command(s.t, "bwrap"), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
		"--bind", filepath.Dir(s.dir), filepath.Dir(s.dir), "--bind", s.srv, "/srv", "--bind", s.opt, "/opt", "--tmpfs", "/run",
		"--setenv", "PATH", s.bin+":"+os.Getenv("PATH"), "--setenv", "TMPDIR", filepath.Dir(s.dir), "--setenv", "BOOTSTRAP_DIRECTORY", s.dir,
		"bash", s.script)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *sandbox) calls() string {
	raw, err := os.ReadFile(s.call)
	require.NoError(s.t, err)
	return string(raw)
}

// bundled returns an archive of the stacks as README.md makes it.
func bundled(t *testing.T) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "stacks.tar.gz")
	run(t, "tar", "-czf", file, "-C", filepath.Join(folder, ".."), "stacks")
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	return raw
}

func fixed(name, sum string) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"url": cty.StringVal("https://downloads.example.com/" + name), "sha256": cty.StringVal(sum)})
}

// TestBootstrap_StartsTheStack runs the first boot of a machine with the stack
// signoz-oneuptime, and again as after a failure.
func TestBootstrap_StartsTheStack(t *testing.T) {
	archive, image := bundled(t), []byte("an image")
	in := func(sum string) map[string]cty.Value {
		imageSum := sha256.Sum256(image)
		return stackInputs(map[string]cty.Value{
			"stack": cty.StringVal("signoz-oneuptime"), "swap_gib": cty.NumberIntVal(0),
			"stack_settings": cty.ObjectVal(map[string]cty.Value{"SIGNOZ_ROOT_EMAIL": cty.StringVal("ann@example.com")}),
			"bundle":         fixed("stacks.tar.gz", sum), "image": fixed("image.tar", hex.EncodeToString(imageSum[:])),
		})
	}
	sum := sha256.Sum256(archive)
	s := newSandbox(t, render(t, in(hex.EncodeToString(sum[:]))))
	s.offer("image.tar", image)
	s.offer("stacks.tar.gz", archive)
	out, err := s.run()
	require.NoError(t, err, out)
	assert.Contains(t, out, "otelcol-tenant-bootstrap: finished")
	stack := filepath.Join(s.opt, "otelcol-tenant", "stacks", "signoz-oneuptime")
	env, err := os.ReadFile(filepath.Join(stack, ".env"))
	require.NoError(t, err)
	assert.Less(t, strings.LastIndex(string(env), "DOMAIN=example.com\n"), strings.Index(string(env), "DOMAIN=obs.example.com\n"))
	assert.Less(t, strings.LastIndex(string(env), "operator@example.com"), strings.Index(string(env), "SIGNOZ_ROOT_EMAIL=ann@example.com\n"))
	assert.FileExists(t, filepath.Join(stack, "secrets", "oneuptime_secret"))
	assert.FileExists(t, filepath.Join(s.srv, "data", ".otelcol-tenant"))
	assert.Contains(t, run(t, "openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", filepath.Join(stack, "tls", "tls.crt")), "DNS:*.obs.example.com")
	hosts, err := os.ReadFile(filepath.Join(stack, "hosts", "_stack.otlp_names"))
	require.NoError(t, err)
	assert.Equal(t, "server_name otlp.obs.example.com;\n", string(hosts))
	calls := s.calls()
	for _, want := range []string{"docker load --quiet --input ", "systemctl enable --now docker.service", "docker compose up --detach --wait", "systemctl enable --now otelcol-tenant-backup.timer"} {
		assert.Contains(t, calls, want)
	}
	assert.Contains(t, calls, "curl --proto =https --tlsv1.2")

	secret, err := os.ReadFile(filepath.Join(stack, "secrets", "oneuptime_secret"))
	require.NoError(t, err)
	out, err = s.run()
	require.NoError(t, err, out)
	again, err := os.ReadFile(filepath.Join(stack, "secrets", "oneuptime_secret"))
	require.NoError(t, err)
	assert.Equal(t, secret, again)

	t.Run("wrong archive", func(t *testing.T) {
		s := newSandbox(t, render(t, in(strings.Repeat("0", 64))))
		s.offer("image.tar", image)
		s.offer("stacks.tar.gz", archive)
		out, err := s.run()
		require.Error(t, err)
		assert.Contains(t, out, "https://downloads.example.com/stacks.tar.gz does not have the SHA-256 000")
		assert.NoDirExists(t, filepath.Join(s.opt, "otelcol-tenant", "stacks"))
	})
}

// TestBootstrap_StartsTheAgent runs the first boot of a machine with an agent. The file with
// its key does not remain.
func TestBootstrap_StartsTheAgent(t *testing.T) {
	sum := func(name string) string { digest := sha256.Sum256([]byte(name)); return hex.EncodeToString(digest[:]) }
	packages := cty.TupleVal([]cty.Value{fixed("otelcol-tenant.deb", sum("a")), fixed("otelcol-tenant-agent.deb", sum("b"))})
	s := newSandbox(t, render(t, inputs(map[string]cty.Value{
		"role": cty.StringVal("agent"), "packages": packages, "agent_env": cty.StringVal("TENANT_KEY=obs_x\n"), "swap_gib": cty.NumberIntVal(0),
	})))
	s.substitute("tenantctl", `cat "$3" >> `+s.call)
	s.offer("otelcol-tenant.deb", []byte("a"))
	s.offer("otelcol-tenant-agent.deb", []byte("b"))
	out, err := s.run()
	require.NoError(t, err, out)
	calls := s.calls()
	assert.Regexp(t, `(?m)^apt-get install -q -y --no-install-recommends \S+/1\.deb \S+/2\.deb$`, calls)
	assert.Regexp(t, `(?m)^tenantctl setup --env \S+/agent\.env\nTENANT_KEY=obs_x$`, calls)
	assert.NoFileExists(t, filepath.Join(s.dir, "agent.env"))
}
