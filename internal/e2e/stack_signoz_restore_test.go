// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSignozStack_RestoreFails fails in the middle: what was stopped starts again. What cannot work
// fails before.
func TestSignozStack_RestoreFails(t *testing.T) {
	t.Parallel()
	s := newSignozStack(t)
	stackCertificate(t, s.path("tls", "tls.crt"), s.path("tls", "tls.key"))
	s.run("up.sh")
	s.run("create-tenant.sh", "globex")
	s.run("create-tenant.sh", "acme", "--isolation", "dedicated")
	s.answering()
	folder := lastLine(s.run("backup.sh", "--all", t.TempDir()))
	good := s.env
	const again, started = "compose up --detach --wait\n", "compose start oneuptime-app oneuptime-ingress\n"
	for name, c := range map[string]struct{ tenant, remove, fail, up, want string }{
		"ClickHouse fails":             {tenant: "acme", fail: "*RESTORE ALL*", up: again},
		"stop fails":                   {tenant: "acme", fail: "compose stop *", up: again},
		"database fails":               {fail: "*pg_restore*", up: started},
		"stop of OneUptime fails":      {fail: "compose stop *", up: started},
		"ClickHouse of OneUptime":      {fail: "*RESTORE ALL*", up: started},
		"no files of the gateway":      {tenant: "acme", remove: "tenant-acme/gateway.tar.gz", want: "has no gateway.tar.gz"},
		"no settings":                  {tenant: "acme", remove: "tenant-acme/signoz", want: "has no signoz/signoz.db"},
		"no archive":                   {tenant: "acme", remove: "tenant-acme/clickhouse.zip", want: "has no clickhouse.zip"},
		"no rows":                      {tenant: "globex", remove: "tenant-globex/signoz_logs.logs_v2.native", want: "has no signoz_logs.logs_v2.native"},
		"no files of the gateway, all": {remove: "platform/gateway.tar.gz", want: "has no gateway.tar.gz"},
		"no dump":                      {remove: "platform/oneuptime.dump", want: "has no oneuptime.dump"},
		"an option":                    {tenant: "--help", want: "hyphen at its beginning"},
	} {
		copied := t.TempDir()
		require.NoError(t, os.CopyFS(copied, os.DirFS(folder)))
		if c.remove != "" {
			require.NoError(t, os.RemoveAll(filepath.Join(copied, c.remove)))
			sums(t, copied, "SHA256SUMS")
		}
		args := []string{copied}
		if c.tenant != "" {
			args = append(args, c.tenant)
		}
		s.env = slices.Concat(good, []string{"FAIL=" + c.fail})
		called(t, s.calls)
		before := s.files()
		out, err := s.try("restore.sh", args...)
		require.Error(t, err, name)
		calls := called(t, s.calls)
		if c.up == "" {
			assert.Contains(t, out, c.want, name)
			assert.NotRegexp(t, "compose stop|INSERT|RESTORE|DROP|files ", calls, name)
			assert.Equal(t, before, s.files(), name)
			continue
		}
		assert.Contains(t, calls, "compose stop", name)
		assert.True(t, strings.HasSuffix(calls, c.up), "%s: %s%s", name, calls, out)
	}
	s.env = good
	out, err := s.try("backup.sh", t.TempDir(), "--help")
	require.Error(t, err)
	assert.Contains(t, out, "hyphen at its beginning")
}
