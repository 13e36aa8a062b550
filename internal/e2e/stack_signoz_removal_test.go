// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSignozStack_RemovalFails fails at each call of Docker in turn. The stack works afterwards, and
// a second run leaves what one without a failure leaves.
func TestSignozStack_RemovalFails(t *testing.T) {
	t.Parallel()
	first := newSignozStack(t)
	stackCertificate(t, first.path("tls", "tls.crt"), first.path("tls", "tls.key"))
	first.run("up.sh")
	first.run("create-tenant.sh", "globex", "--isolation", "dedicated")
	first.run("create-tenant.sh", "acme", "--isolation", "dedicated")

	prepare := func(t *testing.T, failAt int) *signozStack {
		t.Helper()
		s := &signozStack{t: t, calls: filepath.Join(t.TempDir(), "calls"), env: slices.Clone(first.env)}
		parent := t.TempDir()
		s.dir = filepath.Join(parent, filepath.Base(first.dir))
		out, err := exec.Command("cp", "-a", filepath.Dir(first.dir)+"/.", parent).CombinedOutput()
		require.NoError(t, err, "%s", out)
		count := filepath.Join(t.TempDir(), "count")
		require.NoError(t, os.WriteFile(count, []byte("0"), 0o600))
		s.answering()
		s.env = append(s.env, "COUNT="+count, "FAIL_AT="+strconv.Itoa(failAt))
		return s
	}
	// state is all that is left, of which only the registry has times.
	state := func(t *testing.T, s *signozStack, objects string) map[string]string {
		t.Helper()
		all := map[string]string{}
		for path, text := range s.files() {
			path = strings.TrimPrefix(path, s.dir)
			if !strings.HasPrefix(path, "/registry/") {
				all[path] = text
			}
		}
		maps.Copy(all, tree(t, objects))
		return all
	}

	good := prepare(t, 0)
	objects := good.objects("acme")
	good.run("remove-tenant.sh", "acme", "--yes")
	want, calls := state(t, good, objects), strings.Count(called(t, good.calls), "\n")
	require.Contains(t, want, "/instances/signoz-globex.yaml")
	require.Contains(t, want, "volume.stack_signoz-shared-clickhouse")
	for path := range want {
		require.NotContains(t, path, "acme")
	}
	require.Greater(t, calls, 20)

	for n := 1; n <= calls; n++ {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			s := prepare(t, n)
			objects := s.objects("acme")
			out, err := s.try("remove-tenant.sh", "acme", "--yes")
			require.Error(t, err, out)
			assert.NotContains(t, out, "Removed acme")
			s.env = append(s.env, "FAIL_AT=0")
			s.run("create-tenant.sh", "globex") // other work goes on
			s.run("backup.sh", "--all", t.TempDir())
			s.run("remove-tenant.sh", "acme", "--yes")
			assert.Equal(t, want, state(t, s, objects))
		})
	}
}
