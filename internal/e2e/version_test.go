// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

// distVersion returns the version in builder-config.yaml.
func distVersion(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "builder-config.yaml"))
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^  version: (\S+)$`).FindSubmatch(raw)
	require.NotNil(t, m)
	return string(m[1])
}

// maskVersion returns ld with "VERSION" in place of the version of this distribution, so
// that the expectations of cases survive a release.
func maskVersion(t *testing.T, ld plog.Logs) plog.Logs {
	t.Helper()
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			if strings.HasPrefix(sl.Scope().Name(), "github.com/otelcol-tenant/") {
				assert.Equal(t, distVersion(t), sl.Scope().Version(), sl.Scope().Name())
				sl.Scope().SetVersion("VERSION")
			}
		}
	}
	return ld
}

func TestVersion_IsThatOfTheDistribution(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"otelcol-tenant", "tenantctl"} {
		out, err := exec.Command(built(t, name), "--version").Output()
		require.NoError(t, err, name)
		assert.Equal(t, name+" version "+distVersion(t)+"\n", string(out))
	}
}
