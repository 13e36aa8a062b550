// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/grafana/grafanatest"
)

// stackCopy is a copy of the stack with Grafana whose scripts can run without a container
// engine: testdata/docker.sh is in its place, and calls the real tenantctl.
type stackCopy struct {
	t       *testing.T
	dir     string
	calls   string // file
	volumes string
	env     []string
	grafana *grafanatest.Server
}

func newStackCopy(t *testing.T) *stackCopy {
	t.Helper()
	tenantctl := built(t, "tenantctl")
	tmp := t.TempDir()
	s := &stackCopy{t: t, dir: filepath.Join(tmp, "stacks", "grafana"), calls: filepath.Join(tmp, "calls"), volumes: filepath.Join(tmp, "volumes"), grafana: grafanatest.New(t)}
	for _, name := range []string{"grafana", "lib"} {
		require.NoError(t, os.CopyFS(filepath.Join(tmp, "stacks", name), os.DirFS(filepath.Join(stacks, name))))
	}
	bin := filepath.Join(tmp, "bin")
	require.NoError(t, os.MkdirAll(bin, 0o755))
	docker, err := filepath.Abs("testdata/docker.sh")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(docker, filepath.Join(bin, "docker")))
	admin := filepath.Join(tmp, "grafana-admin")
	require.NoError(t, os.WriteFile(admin, []byte(s.grafana.Password), 0o600))
	s.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "CALLS="+s.calls, "REAL_TENANTCTL="+tenantctl, "VOLUMES="+s.volumes,
		"TENANTCTL_REGISTRY="+filepath.Join(tmp, "tenants.yaml"), "TENANTCTL_GRAFANA_URL="+s.grafana.URL, "TENANTCTL_GRAFANA_CREDENTIALS_FILE="+admin,
		"TENANTCTL_GRAFANA_SOURCES=loki=http://loki:3100 mimir=http://mimir:9009 tempo=http://tempo:3200")
	example, err := os.ReadFile(filepath.Join(s.dir, ".env.example"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, ".env"), example, 0o600))
	return s
}

// run runs a script and returns both outputs and whether it succeeded.
func (s *stackCopy) run(input, name string, args ...string) (stdout, stderr string, ok bool) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(s.dir, "scripts", name), args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.env, strings.NewReader(input), &out, &errs
	err := cmd.Run()
	return out.String(), errs.String(), err == nil
}

// ok runs a script that must succeed.
func (s *stackCopy) ok(input, name string, args ...string) string {
	s.t.Helper()
	out, errs, ok := s.run(input, name, args...)
	require.True(s.t, ok, "%s\n%s", out, errs)
	return out
}

func (s *stackCopy) file(parts ...string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	require.NoError(s.t, err)
	return string(text)
}

// put writes a file into the volumes.
func (s *stackCopy) put(path, text string) {
	s.t.Helper()
	path = filepath.Join(s.volumes, path)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(s.t, os.WriteFile(path, []byte(text), 0o600))
}

// sums writes the checksums of a changed backup again.
func sums(t *testing.T, dir, name string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
	cmd := exec.Command("/bin/sh", "-ec", `sums=$(find . -type f -exec sha256sum {} +); printf '%s\n' "$sums" >"$0"`, name)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// called returns what Docker was called with, and forgets it.
func called(t *testing.T, path string) string {
	t.Helper()
	calls, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	return string(calls)
}

// TestStack_Scripts runs the scripts of the stack with Grafana: a start, tenants, a backup and a
// restore of a tenant and of the stack. docker is replaced; tenantctl is real.
func TestStack_Scripts(t *testing.T) {
	t.Parallel()
	s := newStackCopy(t)
	// The volume gateway is /var/lib/otelcol-tenant: where its parts are, the configuration says.
	config, err := os.ReadFile(filepath.Join(root, "distributions", "gateway", "config.yaml"))
	require.NoError(t, err)
	found := regexp.MustCompile(`directory: \$\{env:STATE_DIR:-/var/lib/otelcol-tenant(/[a-z]+)\}/dead-letters`).FindSubmatch(config)
	require.NotNil(t, found)
	state := "gateway" + string(found[1])

	s.ok("", "up.sh")
	secrets := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(s.dir, "secrets"))
	require.NoError(t, err)
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != ".gitignore" {
			secrets[e.Name()] = s.file(s.dir, "secrets", e.Name())
			assert.Regexp(t, `^([a-z:0-9]+:)?[A-Za-z0-9]{32}\n$`, secrets[e.Name()], e.Name())
		}
	}
	assert.Len(t, secrets, 6)
	info, err := os.Stat(filepath.Join(s.dir, "secrets"))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), "only its owner may enter it")
	info, err = os.Stat(filepath.Join(s.dir, "bin", "tenantctl"))
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&0o111)
	s.ok("", "up.sh") // after an upgrade
	for name, text := range secrets {
		assert.Equal(t, text, s.file(s.dir, "secrets", name), "a secret stays")
	}
	assert.Equal(t, 2, strings.Count(s.file(s.calls), "compose up --detach --wait"))

	out := s.ok("", "create-tenant.sh", "acme", "--name", "Acme Ltd")
	assert.Contains(t, out, "https://otlp.example.com")
	assert.Contains(t, out, "obs_")
	assert.NotContains(t, out, ":19291", "the ingress distributes by path")
	require.NotNil(t, s.grafana.Org("acme"))
	out = s.ok("", "create-tenant.sh", "acme")
	assert.Contains(t, out, "obs_", "a second run continues")
	_, errs, ok := s.run("", "create-tenant.sh", "a/../b")
	assert.False(t, ok)
	assert.Contains(t, errs, "is not the ID of a tenant")

	// A backup of a tenant, and its loss.
	s.grafana.Change(s.grafana.Org("acme").ID, func(o *grafanatest.Org) {
		o.Dashboards["own"] = grafanatest.Dashboard{Model: map[string]any{"uid": "own", "title": "Own"}}
	})
	s.put(state+"/dead-letters/tenant=acme/destination=loki/signal=logs/1.jsonl", "letter")
	s.put(state+"/dead-letters/tenant=other/x.jsonl", "of another tenant")
	s.put("mimir/blocks/acme/01ABC/meta.json", "block")
	s.put("mimir/blocks/acme-2/01ABC/meta.json", "of another tenant")
	backups := t.TempDir()
	s.ok("", "backup.sh", backups, "acme")
	backup, err := filepath.Glob(filepath.Join(backups, "*-tenant=acme"))
	require.NoError(t, err)
	require.Len(t, backup, 1)
	require.NoError(t, os.RemoveAll(s.volumes))
	for _, name := range []string{"gateway", "loki", "tempo"} { // as volumes that were created again
		require.NoError(t, os.MkdirAll(filepath.Join(s.volumes, name), 0o755))
	}
	s.put("mimir/blocks/acme/02DEF/meta.json", "newer block")
	s.grafana.Remove(s.grafana.Org("acme").ID)
	s.ok("", "restore.sh", backup[0])
	assert.Contains(t, s.grafana.Org("acme").Dashboards, "own")
	assert.Len(t, s.grafana.Org("acme").Sources, 3)
	assert.Equal(t, "letter", s.file(s.volumes, state+"/dead-letters/tenant=acme/destination=loki/signal=logs/1.jsonl"))
	assert.Equal(t, "block", s.file(s.volumes, "mimir/blocks/acme/01ABC/meta.json"))
	assert.Equal(t, "newer block", s.file(s.volumes, "mimir/blocks/acme/02DEF/meta.json"))
	assert.NoDirExists(t, filepath.Join(s.volumes, "mimir/blocks/acme-2"))
	assert.NoDirExists(t, filepath.Join(s.volumes, state+"/dead-letters/tenant=other"))

	// A backup that is incomplete or was changed is not restored.
	require.NoError(t, os.WriteFile(filepath.Join(backup[0], "dashboards.json"), []byte("{}"), 0o600))
	_, errs, ok = s.run("", "restore.sh", backup[0])
	assert.False(t, ok)
	assert.Contains(t, errs, "files of the backup were changed")
	require.NoError(t, os.Remove(filepath.Join(backup[0], "complete")))
	_, errs, ok = s.run("", "restore.sh", backup[0])
	assert.False(t, ok)
	assert.Contains(t, errs, "not complete")
	_, errs, ok = s.run("", "backup.sh", backups, "unknown")
	assert.False(t, ok)
	assert.Contains(t, errs, "is not complete")

	// The whole stack.
	s.put("operator/audit.key", "key")
	s.put(state+"/audit/1.jsonl", "entry")
	s.put(state+"/audit.key", "key of the gateway")
	s.put(state+"/key-use.json", "uses")
	s.put(state+"/exporter_queue", "a lane, which must not be delivered twice")
	s.ok("", "backup.sh", backups)
	backup, err = filepath.Glob(filepath.Join(backups, "*Z"))
	require.NoError(t, err)
	require.Len(t, backup, 1)
	require.NoError(t, filepath.WalkDir(backup[0], func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o007&^fs.FileMode(0o004), path)
		return nil
	}))
	info, err = os.Stat(backup[0])
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	_, errs, ok = s.run("no\n", "restore.sh", backup[0])
	assert.False(t, ok)
	assert.Contains(t, errs, "nothing was changed")
	require.NoError(t, os.Remove(filepath.Join(s.volumes, "operator", "audit.key")))
	require.NoError(t, os.RemoveAll(filepath.Join(s.volumes, state)))
	s.ok("yes\n", "restore.sh", backup[0])
	assert.Equal(t, "key", s.file(s.volumes, "operator/audit.key"))
	assert.Equal(t, "entry", s.file(s.volumes, state+"/audit/1.jsonl"))
	assert.Equal(t, "key of the gateway", s.file(s.volumes, state+"/audit.key"))
	assert.NoFileExists(t, filepath.Join(s.volumes, state+"/exporter_queue"))
	assert.Equal(t, "letter", s.file(s.volumes, state+"/dead-letters/tenant=acme/destination=loki/signal=logs/1.jsonl"))
	assert.Equal(t, "uses", s.file(s.volumes, state+"/key-use.json"))
	all := t.TempDir()
	s.ok("", "backup.sh", "--all", all)
	backup, err = filepath.Glob(filepath.Join(all, "*", "complete"))
	require.NoError(t, err)
	assert.Len(t, backup, 2, "of the stack and of one tenant")
	calls := s.file(s.calls)
	assert.Contains(t, calls, "pg_restore --username postgres --clean --if-exists --exit-on-error --dbname tenants\ndump of tenants\n")
	assert.Contains(t, calls, "--dbname grafana\ndump of grafana\n")
	for name, text := range secrets {
		_, password, ok := strings.Cut(strings.TrimSpace(text), "tenants:")
		if _, after, more := strings.Cut(password, ":"); ok && more {
			password = after
		}
		assert.NotContains(t, calls, "obs_")
		assert.NotContains(t, calls, strings.TrimSpace(text), name)
		if password != "" {
			assert.NotContains(t, calls, password, name)
		}
	}
}
