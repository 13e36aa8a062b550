// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

const deadLetterConfig = `
registry: tenant_registry
destinations:
  first: {otlp_http: {endpoint: %q}}
  second: {otlp_http: {endpoint: %q}}
routes: {logs: [first, second]}
lane: {batch: {timeout: 1ms}}
dead_letter: {directory: %q}
`

// Health counts who has dead letters from the write on, over a restart, until they are removed.
func TestDeadLetters_AreCountedInHealth(t *testing.T) {
	server, dir := newServer(t), t.TempDir()
	server.set(http.StatusBadRequest, "")
	board := &tenanttest.Board{}
	registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"}, &tenant.Tenant{ID: "b"})
	host := tenanttest.Host{registryID: registry, component.MustNewID("tenant_health"): board}
	cfg := parseConfig(t, fmt.Sprintf(deadLetterConfig, server.URL, server.URL, dir))
	letters := func() *healthboard.DeadLetters {
		h, ok := board.Lanes(component.NewID(metadata.Type))
		require.True(t, ok)
		return h.DeadLetters
	}
	g := startGatewayWith(t, cfg, host, registry)
	assert.Nil(t, letters())
	require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("a", "x")))
	require.Eventually(t, func() bool {
		l := letters()
		return l != nil && *l == healthboard.DeadLetters{Tenants: 1, Destinations: 2}
	},
		10*time.Second, time.Millisecond)
	require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("b", "x")))
	require.Eventually(t, func() bool { return *letters() == healthboard.DeadLetters{Tenants: 2, Destinations: 2} }, 10*time.Second, time.Millisecond)
	g.stop()

	require.NoError(t, os.RemoveAll(filepath.Join(dir, "tenant=b")))
	g = startGatewayWith(t, cfg, host, registry)
	defer g.stop()
	assert.Equal(t, &healthboard.DeadLetters{Tenants: 1, Destinations: 2}, letters())
}

func TestDeadLetters_AreScannedFromTimeToTime(t *testing.T) {
	dir := t.TempDir()
	cfg := parseConfig(t, fmt.Sprintf(deadLetterConfig, "http://127.0.0.1:1", "http://127.0.0.1:1", dir))
	d, err := openDeadLetters(cfg, zaptest.NewLogger(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	folder := filepath.Join(dir, "tenant=a", "destination=first", "signal=logs")
	require.NoError(t, os.MkdirAll(folder, 0o750))
	file := filepath.Join(folder, "00000.jsonl")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	d.tidy(d.scanned.Add(deadLetterScan))
	assert.Nil(t, d.health(), "an empty file has no dead letters")
	require.NoError(t, os.WriteFile(file, []byte("{}\n"), 0o600))
	d.tidy(d.scanned.Add(deadLetterScan - 1))
	assert.Nil(t, d.health(), "it is too early")
	d.tidy(d.scanned.Add(deadLetterScan))
	assert.Equal(t, &healthboard.DeadLetters{Tenants: 1, Destinations: 1}, d.health())
	shown := deliveries{&router{letters: d}}.DeadLetters("a")
	require.Len(t, shown, 1)
	assert.Equal(t, dir, shown[0].Directory, "for the command that replays them")
	d.directory = filepath.Join(dir, "gone")
	d.logger = zap.NewNop()
	d.tidy(d.scanned.Add(deadLetterScan))
	assert.NotNil(t, d.health(), "what cannot be read has not changed")
}

// An operator who replays dead letters is in another directory than the gateway.
func TestDeadLetters_AreShownWithAnAbsoluteDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	d, err := openDeadLetters(parseConfig(t, fmt.Sprintf(deadLetterConfig, "http://127.0.0.1:1", "http://127.0.0.1:1", "letters")), zaptest.NewLogger(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	d.owners[deadletter.Owner{Tenant: "a", Destination: "first"}] = true
	assert.Equal(t, []activity.DeadLetters{{Directory: filepath.Join(dir, "letters"), Destination: "first"}}, deliveries{&router{letters: d}}.DeadLetters("a"))
}

// A dead letter or an archive that cannot be written names itself and its directory, in health and in the log.
func TestLocalFiles_FailuresNameTheDirectory(t *testing.T) {
	server := newServer(t)
	server.set(http.StatusBadRequest, "")
	for name, c := range map[string]struct{ config, reason, text string }{
		"dead letter": {`
registry: tenant_registry
destinations: {remote: {otlp_http: {endpoint: "` + server.URL + `"}}}
routes: {logs: [remote]}
lane: {batch: {timeout: 1ms}}
dead_letter: {directory: %q}
`, "dead_letter", "failed to write a dead letter: failed to write to a file in "},
		"archive": {`
registry: tenant_registry
destinations: {remote: {archive: {directory: %q}}}
routes: {logs: [remote]}
lane: {batch: {timeout: 1ms}}
`, "write", "archive: failed to write to a file in "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "files")
			require.NoError(t, os.MkdirAll(dir, 0o750))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "tenant=a"), nil, 0o600)) // where a folder has to be
			board := &tenanttest.Board{}
			registry := tenanttest.NewRegistry(t, &tenant.Tenant{ID: "a"})
			host := tenanttest.Host{registryID: registry, component.MustNewID("tenant_health"): board}
			g := startGatewayWith(t, parseConfig(t, fmt.Sprintf(c.config, dir)), host, registry)
			defer g.stop()
			require.NoError(t, g.logs.ConsumeLogs(t.Context(), logsOf("a", "x")))
			var failing []healthboard.LaneFailure
			require.Eventually(t, func() bool {
				h, _ := board.Lanes(component.NewID(metadata.Type))
				failing = h.Failing
				return len(failing) == 1
			}, 10*time.Second, time.Millisecond)
			answer := failing[0].Answer
			assert.Equal(t, healthboard.AnswerLocal, answer.Class)
			assert.Equal(t, c.reason, answer.Reason)
			assert.Contains(t, answer.Text, c.text+dir)
		})
	}
}
