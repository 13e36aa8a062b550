// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/extension/tenantregistryextension/internal/metadata"
)

// inForceWithin is what the tests wait for a change. The promise is a second;
// the rest is for a machine that does something else at the time.
const inForceWithin = 30 * time.Second

// host is a component.Host that keeps the reported status.
type host struct {
	component.Host
	mu     sync.Mutex
	events []*componentstatus.Event
}

func (h *host) Report(ev *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, ev)
}

func (h *host) status() componentstatus.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.events) == 0 {
		return componentstatus.StatusNone
	}
	return h.events[len(h.events)-1].Status()
}

// fixture is a running extension and the folder of its files.
type fixture struct {
	t    *testing.T
	dir  string
	path string
	cfg  *Config
	host *host
	logs *observer.ObservedLogs
	tel  *componenttest.Telemetry
	reg  *registry

	running atomic.Pointer[registry] // reg, for other goroutines
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, dir: t.TempDir(), host: &host{Host: componenttest.NewNopHost()}, tel: newTelemetryOf(t)}
	f.path = filepath.Join(f.dir, "tenants.yaml")
	f.cfg = createDefaultConfig().(*Config)
	f.cfg.File.Path = f.path
	return f
}

func newTelemetryOf(t *testing.T) *componenttest.Telemetry {
	tel := componenttest.NewTelemetry()
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) }) // fails where the test has shut it down
	return tel
}

// start makes a new extension with the fixture's configuration and starts it.
func (f *fixture) start() {
	f.t.Helper()
	f.startWith(func(s store) store { return s })
}

// startWith is start with another store.
func (f *fixture) startWith(other func(store) store) {
	f.t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	f.logs = logs
	set := extensiontest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = f.tel.NewTelemetrySettings()
	set.Logger = zap.New(core)
	ext, err := create(context.Background(), set, f.cfg)
	require.NoError(f.t, err)
	f.reg = ext.(*registry)
	f.reg.store = other(f.reg.store)
	f.running.Store(f.reg)
	ctx, cancel := context.WithCancel(context.Background())
	require.NoError(f.t, ext.Start(ctx, f.host))
	cancel() // what Start began must not depend on it
	f.t.Cleanup(f.stop)
}

func (f *fixture) stop() {
	require.NoError(f.t, f.reg.Shutdown(context.Background()))
}

// ids returns the tenants in force, "none" if nothing was ever loaded.
func (f *fixture) ids() string {
	s := f.reg.Snapshot()
	if s == nil {
		return "none"
	}
	var ids []string
	for t := range s.Tenants() {
		ids = append(ids, string(t.ID))
	}
	return strings.Join(ids, " ")
}

// eventually waits until ids are in force.
func (f *fixture) eventually(ids string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return f.ids() == ids }, inForceWithin, time.Millisecond, "want %q in force, have %q", ids, f.ids())
}

// always requires that ids are and stay in force for a while.
func (f *fixture) always(ids string) {
	f.t.Helper()
	require.Never(f.t, func() bool { return f.ids() != ids }, 600*time.Millisecond, 5*time.Millisecond)
}

// replace writes the file as tenantctl does.
func (f *fixture) replace(text string) {
	f.t.Helper()
	temp := filepath.Join(f.dir, ".new")
	require.NoError(f.t, os.WriteFile(temp, []byte(text), 0o600))
	require.NoError(f.t, os.Rename(temp, f.path))
}

func (f *fixture) errorsLogged() []string {
	var texts []string
	for _, e := range f.logs.FilterLevelExact(zapcore.ErrorLevel).All() {
		texts = append(texts, fmt.Sprint(e.Message, ": ", e.ContextMap()["error"]))
	}
	return texts
}

// yamlOf returns a registry file of the tenants with one key each.
func yamlOf(ids ...string) string {
	var b strings.Builder
	b.WriteString("tenants:\n")
	for _, id := range ids {
		fmt.Fprintf(&b, "  - id: %s\n    keys:\n      - {id: k-%[1]s, sha256: %064x, scopes: [logs]}\n", id, []byte(id))
	}
	return b.String()
}
