// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registrydb"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// boardHost is a host that has a board of health too.
type boardHost struct {
	*host
	board *tenanttest.Board
}

func (h boardHost) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("tenant_health"): h.board}
}

// startPosted starts the fixture with a board and returns what it shows.
func (f *fixture) startPosted() (health func() healthboard.Registry, board *tenanttest.Board) {
	f.t.Helper()
	board = &tenanttest.Board{}
	f.host.Host = boardHost{board: board}
	f.start()
	return func() healthboard.Registry {
		f.t.Helper()
		h, ok := board.Registry(f.reg.id)
		require.True(f.t, ok)
		return h
	}, board
}

func TestHealth_FollowsTheSource(t *testing.T) {
	f := newFixture(t)
	health, board := f.startPosted()
	h := health()
	assert.False(t, h.Loaded)
	assert.Zero(t, h.ConfirmedAt)
	require.NotNil(t, h.Failure)
	assert.Equal(t, healthboard.FailureMissing, h.Failure.Class)
	since := h.Failure.Since

	// The time of the failure does not change when its cause does.
	f.replace("tenants: [\n")
	require.Eventually(t, func() bool { return health().Failure.Class == healthboard.FailureInvalid }, inForceWithin, time.Millisecond)
	assert.Equal(t, since, health().Failure.Since)

	f.replace(yamlOf("a"))
	require.Eventually(t, func() bool { return health().Loaded && health().Failure == nil }, inForceWithin, time.Millisecond)
	h = health()
	assert.Equal(t, "file", h.Source)
	assert.Len(t, h.Hash, 12)
	require.Eventually(t, func() bool { return health().ConfirmedAt.After(h.ConfirmedAt) }, inForceWithin, time.Millisecond, "a source that stays good is confirmed again")

	secret := "tenant-with-a-name"
	f.replace(yamlOf("a") + "  - id: " + secret + "\n    vars: {BAD: x}\n    keys:\n      - {id: k-a, sha256: x, scopes: [logs]}\n")
	require.Eventually(t, func() bool { return health().Failure != nil }, inForceWithin, time.Millisecond)
	h = health()
	assert.True(t, h.Loaded, "the last good one is in force")
	assert.Equal(t, 1, h.Failure.Rejected)
	assert.NotEmpty(t, h.Failure.Faults)
	assert.NotContains(t, fmt.Sprintf("%+v", h.Failure), secret)
	assert.NotContains(t, fmt.Sprintf("%+v", h.Failure), "BAD")
	for _, at := range h.Failure.Faults {
		assert.Positive(t, at.Line)
		assert.Contains(t, []string{"vars", "keys"}, at.Field)
	}
	require.Eventually(t, func() bool { return strings.Contains(strings.Join(f.errorsLogged(), "\n"), secret) }, inForceWithin, time.Millisecond, "the log names it")

	f.stop()
	_, posted := board.Registry(f.reg.id)
	assert.False(t, posted)
}

func TestHealth_OfAStartFromTheCopy(t *testing.T) {
	f := newFixture(t)
	f.cfg.Snapshot = f.path + ".copy"
	f.replace(yamlOf("a"))
	f.start()
	require.Eventually(t, func() bool { _, err := os.Stat(f.cfg.Snapshot); return err == nil }, inForceWithin, time.Millisecond)
	f.stop()
	require.NoError(t, os.Remove(f.path))
	health, _ := f.startPosted()
	h := health()
	assert.True(t, h.Loaded)
	assert.Equal(t, "snapshot", h.Source)
	assert.Equal(t, healthboard.FailureMissing, h.Failure.Class)
	assert.Positive(t, time.Since(h.ConfirmedAt))
}

func TestClassify(t *testing.T) {
	for want, errs := range map[healthboard.FailureClass][]error{
		healthboard.FailureMissing:     {missingError("x"), fmt.Errorf("a: %w", registrydb.ErrNoRegistry)},
		healthboard.FailureUnsettled:   {fmt.Errorf("x %w", errStillWritten)},
		healthboard.FailureUnavailable: {fs.ErrPermission, errors.New("the database did not answer")},
		healthboard.FailureInvalid: {
			fmt.Errorf("x:\n%w", registryfile.Faults{{Line: 1}}), registrydb.RowFaults{{Row: 1}}, registrydb.ErrInconsistent, registrydb.ErrSchema,
		},
	} {
		for _, err := range errs {
			assert.Equal(t, want, classify(err), "%v", err)
		}
	}
}

func TestNewFailure_OfRows(t *testing.T) {
	f := newFailure(registrydb.RowFaults{{Row: 3, Tenant: "a", Reason: "x"}, {Row: 9, Tenant: "b", Reason: "y"}}, time.Unix(1, 0))
	assert.Equal(t, &healthboard.RegistryFailure{
		Class: healthboard.FailureInvalid, Since: time.Unix(1, 0), Rejected: 2, Faults: []healthboard.RejectedEntry{{Row: 3}, {Row: 9}},
	}, f)
}

// Every entry that is rejected is named in the log, however many there are.
func TestLog_NamesEveryRejectedEntry(t *testing.T) {
	f := newFixture(t)
	health, _ := f.startPosted()
	var b strings.Builder
	b.WriteString("tenants:\n")
	const entries = 1234
	for n := range entries {
		fmt.Fprintf(&b, "  - id: rejected-%d\n    status: wrong\n", n)
	}
	f.replace(b.String())
	require.Eventually(t, func() bool { return health().Failure.Class == healthboard.FailureInvalid }, inForceWithin, time.Millisecond)
	assert.Equal(t, entries, health().Failure.Rejected)
	assert.Len(t, health().Failure.Faults, maxShownFaults)
	var text strings.Builder
	require.Eventually(t, func() bool {
		text.Reset()
		for _, e := range f.logs.All() {
			fmt.Fprintln(&text, e.ContextMap()["error"], e.ContextMap()["faults"])
		}
		return strings.Contains(text.String(), fmt.Sprintf("%q", fmt.Sprintf("rejected-%d", entries-1)))
	}, inForceWithin, time.Millisecond)
	for n := range entries {
		require.Contains(t, text.String(), fmt.Sprintf("%q", fmt.Sprintf("rejected-%d", n)))
	}
}

func TestFurtherFaults_AreBounded(t *testing.T) {
	faults := make(registryfile.Faults, maxLoggedFaults+7)
	lines, more := furtherFaults(faults)
	assert.Equal(t, 7, more)
	assert.Len(t, lines, maxLoggedFaults/faultsPerLine-1)
	lines, more = furtherFaults(registrydb.RowFaults(make([]registrydb.RowFault, faultsPerLine+1)))
	assert.Zero(t, more)
	assert.Len(t, lines, 1)
	lines, _ = furtherFaults(errors.New("x"))
	assert.Empty(t, lines)
}
