// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

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

const stacks = "../../../distributions/stacks"

// folders returns the folders of all stacks.
func folders(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(stacks, "*", "compose.yaml"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 2)
	for _, file := range files {
		all = append(all, filepath.Dir(file))
	}
	return all
}

func TestCheck_EachStack(t *testing.T) {
	for _, dir := range folders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			faults, err := Check(t.Context(), dir)
			require.NoError(t, err)
			assert.Empty(t, faults)
			project, err := load(t.Context(), dir)
			require.NoError(t, err)
			for _, s := range project.Services {
				for _, v := range s.Volumes {
					if v.Type == "bind" && !strings.Contains(v.Source, "/secrets/") && !strings.Contains(v.Source, "/bin/") {
						assert.FileExists(t, orFolder(v.Source), "service %s mounts it", s.Name)
					}
				}
			}
			for _, name := range []string{"README.md", ".env.example", "scripts/smoke-test.sh"} {
				assert.FileExists(t, filepath.Join(dir, name))
			}
		})
	}
}

// orFolder returns a file in the folder, or the file itself.
func orFolder(path string) string {
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) == 0 {
		return path
	}
	return orFolder(filepath.Join(path, entries[0].Name()))
}

func TestScripts_ShellcheckIsClean(t *testing.T) {
	var files []string
	require.NoError(t, filepath.WalkDir(stacks, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".sh") {
			files = append(files, path)
		}
		return err
	}))
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		if strings.Contains(file, "/scripts/") && filepath.Base(file) != "lib.sh" { // that one is sourced
			assert.NotZero(t, info.Mode()&0o100, "%s is not executable", file)
		}
	}
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		if os.Getenv("REQUIRE_REAL") == "1" {
			t.Fatal("REQUIRE_REAL=1 and there is no shellcheck")
		}
		t.Skip("there is no shellcheck")
	}
	out, err := exec.Command(shellcheck, append([]string{"-x", "-P", "SCRIPTDIR"}, files...)...).CombinedOutput()
	assert.NoError(t, err, string(out))
}

// good is a file without faults.
const good = `name: otelcol-tenant-test
services:
  in:
    image: example/in:1.2.3
    labels: {otelcol-tenant.role: ingress}
    restart: unless-stopped
    read_only: true
    security_opt: [no-new-privileges:true]
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    ports: ["443:443", "127.0.0.1:9999:9999"]
    networks: [edge, inside]
    healthcheck: {test: [CMD, check, me], interval: 1s, timeout: 1s, retries: 1}
    logging: {driver: json-file, options: {max-size: 1m, max-file: "1"}}
    deploy: {resources: {limits: {cpus: "1", memory: 1M, pids: 1}}}
    depends_on: {back: {condition: service_healthy}}
  back:
    image: example/back:v1.2
    restart: unless-stopped
    read_only: true
    security_opt: [no-new-privileges:true]
    cap_drop: [ALL]
    networks: [inside]
    environment: {PASSWORD_FILE: /run/secrets/one, KEY: ""}
    secrets: [one]
    volumes: ["data:/data", "./x:/x:ro"]
    healthcheck: {test: [CMD, check, me], interval: 1s, timeout: 1s, retries: 1}
    logging: {driver: json-file, options: {max-size: 1m, max-file: "1"}}
    deploy: {resources: {limits: {cpus: "1", memory: 1M, pids: 1}}}
    depends_on: {job: {condition: service_completed_successfully}}
  job:
    image: example/job:1.2-alpine
    labels: {otelcol-tenant.role: job}
    restart: "no"
    read_only: true
    security_opt: [no-new-privileges:true]
    cap_drop: [ALL]
    network_mode: none
    logging: {driver: json-file, options: {max-size: 1m, max-file: "1"}}
    deploy: {resources: {limits: {cpus: "1", memory: 1M, pids: 1}}}
networks: {edge: {}, inside: {internal: true}}
volumes: {data: {}}
secrets: {one: {file: ./secrets/one}}
`

func check(t *testing.T, text string) []Fault {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(text), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".env.example"), nil, 0o600))
	faults, err := Check(t.Context(), dir)
	require.NoError(t, err)
	return faults
}

func TestCheck_FindsEachFault(t *testing.T) {
	require.Empty(t, check(t, good))
	for name, c := range map[string]struct{ from, to, want string }{
		"latest":            {"example/back:v1.2", "example/back:latest", "back: image"},
		"no tag":            {"example/back:v1.2", "example.com:5000/back", "back: image"},
		"major version":     {"example/back:v1.2", "example/back:18", "back: image"},
		"published":         {"networks: [inside]", "ports: [\"9090:9090\"]\n    networks: [inside]", "back: ports"},
		"published locally": {"networks: [inside]", "ports: [\"127.0.0.1:9090:9090\"]\n    networks: [inside]", "back: ports"},
		"SSH":               {"\"443:443\"", "\"22:22\"", "in: ports"},
		"any port":          {"\"443:443\"", "\"443\"", "in: ports"},
		"no health check":   {"    volumes: [\"data:/data\"", "    x-unused: {}\n    volumes: [\"data:/data\"", ""},
		"disabled check":    {"networks: [edge, inside]\n    healthcheck: {test: [CMD, check, me]", "networks: [edge, inside]\n    healthcheck: {test: [NONE]", "in: healthcheck"},
		"check of nothing":  {"networks: [edge, inside]\n    healthcheck: {test: [CMD, check, me]", "networks: [edge, inside]\n    healthcheck: {test: [CMD, \"true\"]", "in: healthcheck"},
		"no pids":           {"memory: 1M, pids: 1}}}\n    depends_on: {back", "memory: 1M}}}\n    depends_on: {back", "in: limits"},
		"log rotation":      {"max-file: \"1\"}}\n    deploy: {resources: {limits: {cpus: \"1\", memory: 1M, pids: 1}}}\n    depends_on: {back", "max-files: \"1\"}}\n    deploy: {resources: {limits: {cpus: \"1\", memory: 1M, pids: 1}}}\n    depends_on: {back", "in: logging"},
		"restart":           {"image: example/back:v1.2\n    restart: unless-stopped", "image: example/back:v1.2\n    restart: on-failure", "back: restart"},
		"job that restarts": {"restart: \"no\"", "restart: always", "job: restart"},
		"writable root":     {"image: example/back:v1.2\n    restart: unless-stopped\n    read_only: true", "image: example/back:v1.2\n    restart: unless-stopped", "back: read-only"},
		"new privileges":    {"security_opt: [no-new-privileges:true]\n    cap_drop: [ALL]\n    cap_add", "cap_drop: [ALL]\n    cap_add", "in: no-new-privileges"},
		"capabilities":      {"cap_drop: [ALL]\n    cap_add", "cap_add", "in: cap-drop"},
		"added capability":  {"[NET_BIND_SERVICE]", "[NET_BIND_SERVICE, SYS_ADMIN]", "in: cap-add"},
		"privileged":        {"image: example/back:v1.2", "image: example/back:v1.2\n    privileged: true", "back: host"},
		"host network":      {"network_mode: none", "network_mode: host", "job: host"},
		"host processes":    {"image: example/back:v1.2", "image: example/back:v1.2\n    pid: host", "back: host"},
		"open network":      {"networks: [inside]", "networks: [inside, edge]", "back: internal"},
		"no network":        {"    network_mode: none\n", "", "networks: a service has no networks"},
		"two open networks": {"inside: {internal: true}", "inside: {}", "back: internal"},
		"secret by value":   {"KEY: \"\"", "API_KEY: abc", "back: secrets"},
		"password in a DSN": {"KEY: \"\"", "DSN: \"postgres://u:p@db/x\"", "back: secrets"},
		"in the command":    {"image: example/back:v1.2", "image: example/back:v1.2\n    command: [x, \"http://u:p@db\"]", "back: secrets"},
		"secret elsewhere":  {"./secrets/one", "./one", "secret-files"},
		"secret of the env": {"{file: ./secrets/one}", "{environment: ONE}", "secret-files"},
		"writable mount":    {"./x:/x:ro", "./x:/x", "back: mounts"},
		"engine's socket":   {"./x:/x:ro", "/var/run/docker.sock:/x:ro", "back: mounts"},
		"anonymous volume":  {"\"data:/data\"", "\"/data\"", "back: mounts"},
		"started is enough": {"back: {condition: service_healthy}", "back: {condition: service_started}", "in: depends-on"},
		"container name":    {"image: example/back:v1.2", "image: example/back:v1.2\n    container_name: xy", "back: container-name"},
		"no ingress":        {"otelcol-tenant.role: ingress", "otelcol-tenant.role: other", "one-ingress"},
		"name":              {"name: otelcol-tenant-test", "name: test", "name: the name"},
		"unknown allowance": {"otelcol-tenant.role: ingress", "otelcol-tenant.role: ingress, otelcol-tenant.allow: all", "in: allow: there is no rule"},
		"useless allowance": {"otelcol-tenant.role: ingress", "otelcol-tenant.role: ingress, otelcol-tenant.allow: read-only", "in: allow: read-only is allowed and not needed"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, good, c.from)
			faults := check(t, strings.Replace(good, c.from, c.to, 1))
			if c.want == "" {
				assert.Empty(t, faults)
				return
			}
			var texts []string
			for _, f := range faults {
				texts = append(texts, f.String())
			}
			assert.Contains(t, strings.Join(texts, "\n"), c.want)
		})
	}
}

func TestCheck_AllowsWhatALabelNames(t *testing.T) {
	text := strings.Replace(good, "image: example/back:v1.2\n    restart: unless-stopped\n    read_only: true",
		"image: example/back:v1.2\n    labels: {otelcol-tenant.allow: read-only}\n    restart: unless-stopped", 1)
	assert.Empty(t, check(t, text))
}

func TestCheck_RejectsWhatComposeRejects(t *testing.T) {
	for _, text := range []string{"services: {a: {imag: x}}", "services: {a: {image: \"${MISSING:?set it}\"}}", "services: [", "services: {a: {image: x, depends_on: {b: {condition: service_healthy}}}}"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte("name: otelcol-tenant-test\n"+text), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, ".env.example"), nil, 0o600))
		_, err := Check(t.Context(), dir)
		assert.Error(t, err, text)
	}
}

// The default of OTELCOL_TENANT_VERSION is what make image builds.
func TestImages_HaveTheVersionOfTheRepository(t *testing.T) {
	manifest, err := os.ReadFile("../../../builder-config.yaml")
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^  version: (\S+)$`).FindSubmatch(manifest)
	require.NotNil(t, version)
	for _, dir := range folders(t) {
		project, err := load(t.Context(), dir)
		require.NoError(t, err)
		n := 0
		for _, s := range project.Services {
			if strings.HasPrefix(s.Image, "otelcol-tenant:") {
				assert.Equal(t, "otelcol-tenant:"+string(version[1]), s.Image, "%s: service %s", dir, s.Name)
				n++
			}
		}
		assert.NotZero(t, n, dir)
	}
}
