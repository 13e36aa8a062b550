// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersion(t *testing.T) {
	assert.Equal(t, "tenantctl version "+version+"\n", newCLI(t).ok("--version"))
}

func TestUsageErrors_PointAtTheHelpOfTheCommand(t *testing.T) {
	c := newCLI(t)
	c.fails(exitUsage, "See tenantctl key create --help.", "key", "create")
	c.fails(exitUsage, "See tenantctl tenant update --help.", "tenant", "update", "a", "--nonsense")
	c.fails(exitUsage, "See tenantctl key --help.", "key", "make")
	c.fails(exitUsage, "See tenantctl --help.", "nonsense")
}

// The other form of a connection string is no file, least of all a new one that
// is named by a password.
func TestRegistry_NameValuePairsAreNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dsn := range []string{"host=db.example user=u password=secret-1", "password = secret-1 host=x", "user=u\tpassword=secret-1"} {
		c := &cli{t: t, path: dsn}
		c.fails(exitUsage, "write it as postgres://", "tenant", "create", "a")
		assert.NotContains(t, c.run("tenant", "list").err, "secret-1")
		assert.NoFileExists(t, dsn)
	}
	c := &cli{t: t, path: "the-host=x.yaml"}
	c.ok("tenant", "create", "a")
}

// silentDatabase takes connections and says nothing.
func silentDatabase(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return "postgres://u@" + l.Addr().String() + "/d?sslmode=disable"
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	var out, errOut bytes.Buffer
	code := run(ctx, []string{"--registry", silentDatabase(t), "tenant", "list"}, streams{in: strings.NewReader(""), out: &out, err: &errOut})
	assert.Equal(t, exitFailure, code)
	assert.Regexp(t, `^tenantctl: interrupted: .+\n$`, errOut.String())
}

// Other results, such as damaged lines, are reported too.
func TestInterrupted_HidesNothing(t *testing.T) {
	dir := t.TempDir()
	letters(t, dir, "tenant-a", "loki", "1")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*.jsonl"))
	require.NoError(t, err)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(files[0], append([]byte("x\n"), data...), 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(files[0], old, old))
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel(); <-release }))
	defer server.Close()
	defer close(release)
	var out, errOut bytes.Buffer
	code := run(ctx, []string{"deadletter", "replay", "--directory", dir, "--endpoint", server.URL, "--header", "X-Scope-OrgID={tenant}"},
		streams{in: strings.NewReader(""), out: &out, err: &errOut})
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, errOut.String(), "tenantctl: interrupted: ")
	assert.Contains(t, errOut.String(), "line 1: not a dead letter")
}
