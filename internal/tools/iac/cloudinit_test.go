// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package iac

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v3"
)

// userData is what the tests read from a machine's user data.
type userData struct {
	text  string
	Users []struct {
		Name       string
		LockPasswd bool     `yaml:"lock_passwd"`
		Keys       []string `yaml:"ssh_authorized_keys"`
	}
	DisableRoot bool `yaml:"disable_root"`
	SSHPwauth   bool `yaml:"ssh_pwauth"`
	Packages    []string
	Files       []struct{ Path, Permissions, Content string } `yaml:"write_files"`
	Commands    [][]string                                    `yaml:"runcmd"`
}

func (u *userData) file(t *testing.T, path string) string {
	t.Helper()
	for _, f := range u.Files {
		if f.Path == path {
			return f.Content
		}
	}
	require.Fail(t, "no file", path)
	return ""
}

func machines() map[string]map[string]cty.Value {
	packages := cty.TupleVal([]cty.Value{download("https://downloads.example.com/otelcol-tenant.deb"), download("https://downloads.example.com/otelcol-tenant-agent.deb")})
	return map[string]map[string]cty.Value{
		"grafana": stackInputs(map[string]cty.Value{"data_device": cty.StringVal("/dev/disk/by-id/scsi-0HC_Volume_1")}),
		"signoz-oneuptime": stackInputs(map[string]cty.Value{
			"stack": cty.StringVal("signoz-oneuptime"), "ssh_source_cidrs": list("203.0.113.7/32"),
			"stack_settings": cty.ObjectVal(map[string]cty.Value{"SIGNOZ_ROOT_EMAIL": cty.StringVal("operator@example.com")}),
		}),
		"gateway": inputs(map[string]cty.Value{"role": cty.StringVal("gateway"), "packages": packages, "ssh_source_cidrs": list("2001:db8::/48")}),
		"agent":   inputs(map[string]cty.Value{"role": cty.StringVal("agent"), "packages": packages, "agent_env": cty.StringVal("TENANT_KEY=obs_x\n")}),
	}
}

func render(t *testing.T, in map[string]cty.Value) *userData {
	t.Helper()
	out, err := load(t, "cloud-init").Evaluate(in)
	require.NoError(t, err)
	u := &userData{text: out["user_data"].AsString()}
	require.True(t, strings.HasPrefix(u.text, "#cloud-config\n"))
	require.NoError(t, yaml.Unmarshal([]byte(u.text), u))
	return u
}

// run runs a program and returns its output.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second // for what a killed program leaves behind
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return string(out)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// TestCloudInit_FitsItsSchema checks the user data of each kind of machine with cloud-init.
func TestCloudInit_FitsItsSchema(t *testing.T) {
	cloudInit, yamllint := command(t, "cloud-init"), command(t, "yamllint")
	for name, in := range machines() {
		t.Run(name, func(t *testing.T) {
			u := render(t, in)
			file := write(t, "user-data", u.text)
			assert.Contains(t, run(t, cloudInit, "schema", "--config-file", file), "Valid cloud-config")
			run(t, yamllint, "-d", "{extends: relaxed, rules: {line-length: disable, trailing-spaces: disable}}", file)
			assert.Less(t, len(u.text), 20_000, "Hetzner accepts 32 KiB")

			assert.True(t, u.DisableRoot)
			assert.False(t, u.SSHPwauth)
			require.Len(t, u.Users, 1)
			assert.True(t, u.Users[0].LockPasswd)
			assert.Equal(t, []string{publicKey}, u.Users[0].Keys)
			for _, f := range u.Files {
				if strings.HasPrefix(f.Path, "/etc/otelcol-tenant-bootstrap/") {
					assert.Equal(t, "0600", f.Permissions, f.Path)
				}
			}
			assert.Equal(t, name == "agent", strings.Contains(u.text, "obs_x"))
		})
	}
}

// TestCloudInit_FilesAreValid checks each file of the user data with the program that reads
// it.
func TestCloudInit_FilesAreValid(t *testing.T) {
	shellcheck, analyze, aptConfig := command(t, "shellcheck"), command(t, "systemd-analyze"), command(t, "apt-config")
	u := render(t, machines()["signoz-oneuptime"])
	for _, f := range u.Files {
		file := write(t, filepath.Base(f.Path), f.Content)
		switch {
		case f.Path == "/usr/local/sbin/otelcol-tenant-bootstrap":
			run(t, shellcheck, file)
		case strings.HasPrefix(f.Path, "/etc/apt/"):
			require.NoError(t, os.Setenv("APT_CONFIG", file))
			assert.Contains(t, run(t, aptConfig, "dump", "APT::Periodic::Unattended-Upgrade"), `"1"`)
			require.NoError(t, os.Unsetenv("APT_CONFIG"))
		case strings.HasSuffix(f.Path, ".json"):
			assert.True(t, json.Valid([]byte(f.Content)), f.Path)
		case strings.HasSuffix(f.Path, "backup.timer"):
			run(t, analyze, "calendar", "*-*-* 02:15:00")
			assert.Contains(t, f.Content, "OnCalendar=*-*-* 02:15:00\n")
		case strings.HasSuffix(f.Path, "backup.service"):
			content := strings.ReplaceAll(f.Content, "/opt/otelcol-tenant/stacks/signoz-oneuptime/scripts/backup.sh", "/bin/true")
			run(t, analyze, "verify", "--man=no", write(t, "otelcol-tenant-backup.service", content))
			_, err := os.Stat(filepath.Join("../../../distributions/stacks/signoz-oneuptime/scripts/backup.sh"))
			assert.NoError(t, err)
		case strings.HasPrefix(f.Path, "/etc/sysctl.d/"):
			for line := range strings.Lines(f.Content) {
				key, _, ok := strings.Cut(strings.TrimSpace(line), " = ")
				if !ok || strings.HasPrefix(line, "#") {
					continue
				}
				path := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
				if _, err := os.Stat(filepath.Dir(path)); err != nil {
					continue // this kernel is built without it
				}
				if strings.HasPrefix(key, "net.core") || strings.HasPrefix(key, "kernel.yama") || strings.HasPrefix(key, "kernel.unpriv") {
					continue // hidden in a container
				}
				_, err := os.Stat(path)
				assert.NoError(t, err, key)
			}
		case strings.HasSuffix(f.Path, "/settings"), strings.HasSuffix(f.Path, "/stack.env"):
			for line := range strings.Lines(f.Content) {
				assert.Regexp(t, `^[A-Z0-9_]+=[^'"$\\]*\n$`, line)
			}
		}
	}
	assert.Equal(t, "DOMAIN=obs.example.com\nSIGNOZ_ROOT_EMAIL=operator@example.com\n", u.file(t, "/etc/otelcol-tenant-bootstrap/stack.env"))
	u = render(t, machines()["grafana"])
	assert.Equal(t, "GRAFANA_HOST=grafana.obs.example.com\nOTLP_HOST=otlp.obs.example.com\n", u.file(t, "/etc/otelcol-tenant-bootstrap/stack.env"))
}

// TestCloudInit_SSHAcceptsKeysOnly asks sshd for the settings that it would use.
func TestCloudInit_SSHAcceptsKeysOnly(t *testing.T) {
	sshd, keygen := command(t, "sshd"), command(t, "ssh-keygen")
	u := render(t, machines()["agent"])
	key := filepath.Join(t.TempDir(), "host")
	run(t, keygen, "-q", "-t", "ed25519", "-N", "", "-f", key)
	// Debian's sshd_config begins with this line; of two values the first counts.
	config := write(t, "sshd_config", "Include "+write(t, "10-otelcol-tenant.conf", u.file(t, "/etc/ssh/sshd_config.d/10-otelcol-tenant.conf"))+
		"\nHostKey "+key+"\nPasswordAuthentication yes\nPermitRootLogin yes\nUsePAM yes\n")
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		missing(t, fmt.Sprintf("/run/sshd, which sshd needs: %v", err))
	}
	run(t, sshd, "-t", "-f", config)
	got := run(t, sshd, "-T", "-f", config, "-C", "user=operator,host=h,addr=203.0.113.7")
	for _, line := range []string{"permitrootlogin no", "passwordauthentication no", "kbdinteractiveauthentication no", "authenticationmethods publickey", "allowusers operator", "maxauthtries 3"} {
		assert.Contains(t, got, line+"\n")
	}
}
