// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stateDirs are the folders of a role. The configuration of the role states the defaults. A gateway
// of a package has folders of its own, because an agent may be on the same machine: its unit states
// them. Everything else that names a folder is compared with these two.
type stateDirs struct{ state, data string }

var (
	envDefault  = regexp.MustCompile(`\$\{env:(STATE_DIR|DATA_DIR):-([^}]+)\}`)
	commented   = regexp.MustCompile(`(?m)^# +(STATE_DIR|DATA_DIR) .* default (\S+)$`)
	assignment  = regexp.MustCompile(`(?m)^(?:\t|Environment=)(STATE_DIR|DATA_DIR)=(\S+)$`)
	statePath   = regexp.MustCompile(`/var/lib/otelcol-tenant(?:-[a-z]+)?(?:/[A-Za-z0-9._=*-]+)*`)
	stateFolder = regexp.MustCompile(`(?m)^StateDirectory=(\S+)$`)
)

// dirsIn returns what the matches of a pattern state, each of which must be the same.
func dirsIn(t *testing.T, file string, pattern *regexp.Regexp) (d stateDirs) {
	t.Helper()
	for _, m := range pattern.FindAllStringSubmatch(readFile(t, file), -1) {
		at := &d.state
		if m[1] == "DATA_DIR" {
			at = &d.data
		}
		if *at != "" {
			assert.Equal(t, *at, m[2], "%s states two defaults of %s", file, m[1])
		}
		*at = m[2]
	}
	require.NotEmpty(t, d.state, "%s states no STATE_DIR", file)
	return d
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", file))
	require.NoError(t, err)
	return string(text)
}

func TestStateDirs_AreStatedOnce(t *testing.T) {
	agent := dirsIn(t, "distributions/agent/config.yaml", envDefault)
	gateway := dirsIn(t, "distributions/gateway/config.yaml", envDefault)
	installed := dirsIn(t, "distributions/gateway/otelcol-tenant-gateway.service", assignment)
	assert.Empty(t, agent.data, "an agent has no archive")

	// What a user reads in the files, and what the packages of systems without systemd set.
	assert.Equal(t, agent, dirsIn(t, "distributions/agent/config.yaml", commented))
	assert.Equal(t, gateway, dirsIn(t, "distributions/gateway/config.yaml", commented))
	assert.Equal(t, agent, dirsIn(t, "distributions/packages/openrc/otelcol-tenant-agent", assignment))
	assert.Equal(t, installed, dirsIn(t, "distributions/packages/openrc/otelcol-tenant-gateway", assignment))

	// A unit may write below its StateDirectory only, and its package removes the folder of the
	// user's name.
	for unit, dirs := range map[string]stateDirs{
		"distributions/agent/otelcol-tenant-agent.service":     agent,
		"distributions/gateway/otelcol-tenant-gateway.service": installed,
	} {
		folder := stateFolder.FindStringSubmatch(readFile(t, unit))
		require.NotNil(t, folder, unit)
		for _, dir := range []string{dirs.state, dirs.data} {
			assert.True(t, dir == "" || strings.HasPrefix(dir+"/", "/var/lib/"+folder[1]+"/"), "%s: %s is not below its StateDirectory", unit, dir)
		}
		assert.Contains(t, readFile(t, unit), "\nUser="+folder[1]+"\n")
	}

	// The image has one volume with both folders.
	volume := path.Dir(gateway.state)
	assert.Equal(t, volume, path.Dir(gateway.data))
	dockerfile := readFile(t, "distributions/gateway/Dockerfile")
	assert.Contains(t, dockerfile, "\nVOLUME "+volume+"\n")
	assert.Contains(t, dockerfile, " /src/_build/image-tree/state/ "+volume+"/\n")

	// Programs that look for the files of an installation.
	assert.Contains(t, readFile(t, "internal/agentsetup/setup_linux.go"), `defaultState   = "`+agent.state+`"`)
	for _, dir := range []string{gateway.state, installed.state} {
		assert.Contains(t, readFile(t, "cmd/tenantctl/status.go"), `"`+dir+`/status.sock"`)
	}

	assert.Empty(t, foreignPaths(t, volume, agent, gateway, installed))
}

// foreignPaths returns the paths in documents, distributions and tenantctl that are below no folder
// of an agent or a gateway.
func foreignPaths(t *testing.T, volume string, dirs ...stateDirs) (faults []string) {
	t.Helper()
	known := []string{volume}
	var within []string
	for _, d := range dirs {
		within = append(within, d.state, d.data)
		known = append(known, path.Dir(d.state))
	}
	// Volumes of stacks that have other files beside these folders, by the folder they are mounted at.
	within = append(within, volume+"/tenants.yaml", volume+"/audit.key", volume+"/*")
	for _, top := range []string{"cmd", "distributions", "docs", "README.md", "CONTRIBUTING.md", "SECURITY.md"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("../..", top), func(file string, d fs.DirEntry, err error) error {
			rel := filepath.ToSlash(strings.TrimPrefix(file, "../../"))
			if err != nil || d.IsDir() || strings.HasPrefix(rel, "docs/adr/") || strings.HasSuffix(rel, ".json") {
				return err
			}
			for number, line := range strings.Split(readFile(t, rel), "\n") {
				for _, found := range statePath.FindAllString(line, -1) {
					found = strings.TrimRight(found, "./")
					if slices.Contains(known, found) || slices.ContainsFunc(within, func(dir string) bool {
						return dir != "" && (found == dir || strings.HasPrefix(found, dir+"/"))
					}) {
						continue
					}
					faults = append(faults, fmt.Sprintf("%s:%d: %s is in no folder of a role", rel, number+1, found))
				}
			}
			return nil
		}))
	}
	return faults
}
