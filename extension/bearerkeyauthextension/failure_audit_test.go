// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-tenant/otelcol-tenant/extension/bearerkeyauthextension/internal/metadatatest"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit/segmented"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// auditFixture is a failureAudit whose clock a test moves.
type auditFixture struct {
	*failureAudit
	t    *testing.T
	now  time.Time
	logs *observer.ObservedLogs
}

func newAuditFixture(t *testing.T) *auditFixture {
	core, logs := observer.New(zap.InfoLevel)
	f := &auditFixture{t: t, now: noon, logs: logs}
	cfg := FailureAuditConfig{Directory: filepath.Join(t.TempDir(), "audit"), MaxBytes: bytesize.MiB}
	f.failureAudit = newFailureAudit(cfg, "bearer_key_auth", startSources(t, 60, 4096), zap.New(core), func() time.Time { return f.now })
	f.from = f.now.UTC()
	return f
}

// minute lets a minute pass.
func (f *auditFixture) minute() {
	f.now = f.now.Add(time.Minute)
	f.report(f.flush(f.t.Context()))
}

func (f *auditFixture) fail(n int, addr net.Addr, d decision) {
	for range n {
		f.sources.failed(addr, d, false, f.now)
	}
}

// auditEntries verifies the log at dir and returns what was rejected.
func auditEntries(t *testing.T, dir string) (entries []audit.Rejected) {
	t.Helper()
	key, err := audit.ReadKey(dir + ".key")
	require.NoError(t, err)
	report, err := segmented.Verify(t.Context(), dir, audit.Anchors{Public: key.Public(), LastKnown: segmented.LastKnown(dir + ".key")})
	require.NoError(t, err)
	require.Empty(t, report.Faults)
	require.NoError(t, segmented.Entries(t.Context(), dir, func(_ int64, e *audit.Entry) error {
		if e.Rejected != nil {
			assert.Equal(t, "auth reject", e.Action)
			assert.Contains(t, e.Actor, "bearer_key_auth")
			assert.Equal(t, audit.SystemUser(), e.User)
			assert.True(t, e.Time.Equal(e.Rejected.To))
			entries = append(entries, *e.Rejected)
		}
		return nil
	}))
	return entries
}

func TestFailureAudit_KeepsAnEntryForEachSourceAndMinute(t *testing.T) {
	f := newAuditFixture(t)
	f.fail(3, ip("192.0.2.1"), unknownKey)
	f.fail(2, ip("192.0.2.1"), noKey)
	f.fail(4, ip("2001:db8:1:2:3::4"), revokedKey)
	f.fail(1, &net.UnixAddr{Name: "/run/gateway.sock"}, malformedKey)
	f.minute()
	f.minute() // nothing happened, nothing is written
	f.fail(1, ip("192.0.2.1"), unknownKey)
	f.minute()
	f.close()
	at := noon.UTC()
	assert.Equal(t, []audit.Rejected{
		{Source: "192.0.2.1", From: at, To: at.Add(time.Minute), Reasons: map[string]int64{"unknown_key": 3, "no_key": 2}},
		{Source: "2001:db8:1:2::/64", From: at, To: at.Add(time.Minute), Reasons: map[string]int64{"revoked_key": 4}},
		{Source: "others", Sources: 1, From: at, To: at.Add(time.Minute), Reasons: map[string]int64{"malformed_key": 1}},
		{Source: "192.0.2.1", From: at.Add(2 * time.Minute), To: at.Add(3 * time.Minute), Reasons: map[string]int64{"unknown_key": 1}},
	}, auditEntries(t, f.set.Directory))
	assert.EqualValues(t, 4, f.written.Load())
}

// The log's lines have nothing to do with the entries of the audit.
func TestFailureAudit_IsIndependentOfTheLog(t *testing.T) {
	f := newAuditFixture(t)
	f.fail(3, ip("192.0.2.1"), unknownKey)
	require.Len(t, f.sources.reports(f.now, 10, false), 1)
	f.minute()
	require.Empty(t, f.sources.reports(f.now.Add(time.Hour), 10, true))
	f.close()
	require.Len(t, auditEntries(t, f.set.Directory), 1)
}

func TestFailureAudit_BoundsTheEntriesOfAMinute(t *testing.T) {
	f := newAuditFixture(t)
	for n := range 6000 { // more than are remembered
		f.fail(1, &net.IPAddr{IP: net.IPv4(10, 0, byte(n>>8), byte(n))}, unknownKey)
	}
	f.fail(10, ip("192.0.2.1"), noKey)
	f.minute()
	f.close()
	got := auditEntries(t, f.set.Directory)
	require.Len(t, got, maxAudited+1)
	assert.Equal(t, "192.0.2.1", got[0].Source, "the entry names the source with the most rejected requests")
	var total int64
	for _, r := range got {
		total += r.Reasons["unknown_key"] + r.Reasons["no_key"]
	}
	assert.EqualValues(t, 6010, total, "all are counted")
	assert.Equal(t, "others", got[maxAudited].Source)
	assert.EqualValues(t, 6001-maxAudited, got[maxAudited].Sources)
}

func TestFailureAudit_WaitsForTheDisk(t *testing.T) {
	f := newAuditFixture(t)
	require.NoError(t, os.WriteFile(f.set.Directory, nil, 0o600)) // a file at the path of the directory
	f.minute()
	f.minute() // a minute without a unknown is no sign of a disk
	for minute := range 10 {
		for n := range 40 {
			f.fail(1, &net.IPAddr{IP: net.IPv4(10, 0, byte(minute), byte(n))}, unknownKey)
		}
		f.minute()
		require.LessOrEqual(t, len(f.pending), maxPendingEntries)
		require.EqualValues(t, len(f.pending), f.unwritten.Load())
	}
	require.Len(t, f.pending, maxPendingEntries)
	require.NoError(t, os.Remove(f.set.Directory))
	f.minute()
	require.Zero(t, f.unwritten.Load())
	f.close()
	var total int64
	got := auditEntries(t, f.set.Directory)
	for _, r := range got {
		total += r.Reasons["unknown_key"]
	}
	assert.EqualValues(t, 400, total, "none is uncounted")
	assert.Equal(t, "others", got[0].Source)
	assert.EqualValues(t, 201, got[0].Sources)
	assert.True(t, got[0].From.Equal(noon.Add(2*time.Minute)), got[0].From)
	assert.True(t, got[0].To.Equal(noon.Add(8*time.Minute)), got[0].To)
	assert.Equal(t, 1, f.logs.FilterMessageSnippet("Failed to write rejected requests").Len(), "a failure is logged once")
	assert.Equal(t, 1, f.logs.FilterMessageSnippet("written to the audit log again").Len())
	verifier := f.logs.FilterMessageSnippet("are recorded in the audit log").All()
	require.Len(t, verifier, 1)
	assert.Contains(t, verifier[0].ContextMap()["verifier"], "otelcol-tenant-audit+")
}

// Somebody removes or changes the log while the gateway runs.
func TestFailureAudit_ContinuesAfterADamagedLog(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"all of it": os.RemoveAll,
		"hashes":    func(path string) error { return os.Remove(filepath.Join(path, "00000001", "hashes")) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newAuditFixture(t)
			f.fail(1, ip("192.0.2.1"), unknownKey)
			f.minute()
			require.NoError(t, damage(f.set.Directory))
			f.fail(2, ip("192.0.2.2"), unknownKey)
			f.minute()
			assert.Empty(t, f.pending)
			assert.Equal(t, 1, f.logs.FilterMessageSnippet("continues in a new segment").Len())
			assert.Zero(t, f.logs.FilterMessageSnippet("Failed to write rejected requests").Len())
			f.minute()
			f.close()
			key, err := audit.ReadKey(f.set.KeyFile)
			require.NoError(t, err)
			report, err := segmented.Verify(t.Context(), f.set.Directory, audit.Anchors{Public: key.Public(), LastKnown: segmented.LastKnown(f.set.KeyFile)})
			require.NoError(t, err)
			require.NotEmpty(t, report.Faults)
			assert.EqualValues(t, 2, report.Last)
		})
	}
}

// The key is where tenantctl looks for it, and not in the folder of the log. This holds after a
// restart, before the first entry.
func TestFailureAudit_ContinuesAfterItsLogIsRemoved(t *testing.T) {
	f := newAuditFixture(t)
	f.fail(1, ip("192.0.2.1"), unknownKey)
	f.minute()
	f.close()
	f.log = nil
	require.NoError(t, f.open(t.Context()))
	require.NoError(t, os.RemoveAll(f.set.Directory))
	f.fail(2, ip("192.0.2.2"), unknownKey)
	require.NoError(t, f.flush(t.Context())) // as at the end
	f.close()
	assert.Zero(t, f.logs.FilterMessageSnippet("are lost").Len())
	assert.EqualValues(t, 2, f.written.Load())
	assert.DirExists(t, filepath.Join(f.set.Directory, "00000002"))
}

func TestFailureAudit_KeepsItsKeyBesideTheDirectory(t *testing.T) {
	for _, dir := range []string{"/a/audit", "/a/audit/", "/a/./audit//"} {
		a := newFailureAudit(FailureAuditConfig{Directory: dir}, "x", startSources(t, 60, 1), zap.NewNop(), time.Now)
		assert.Equal(t, "/a/audit.key", a.set.KeyFile, dir)
	}
}

func TestFailureAudit_RecordsLosses(t *testing.T) {
	f := newAuditFixture(t)
	require.NoError(t, os.WriteFile(f.set.Directory, nil, 0o600))
	f.fail(1, ip("192.0.2.1"), unknownKey)
	f.minute()
	f.close()
	assert.Equal(t, 1, f.logs.FilterMessageSnippet("are lost").Len())
}

func TestServer_AuditsRejections(t *testing.T) {
	text, key := newKey()
	unknown, _ := newKey()
	cfg := serverConfig()
	cfg.Failures.Audit.Directory = filepath.Join(t.TempDir(), "audit")
	c, _ := startServerWith(t, cfg, tenanttest.NewRegistry(t, &tenant.Tenant{ID: "tenant-a", Keys: []*tenant.Key{key}}))
	for n, value := range []string{text, unknown, unknown, "nonsense"} {
		_, err := c.Authenticate(from(localPeer), map[string][]string{"Authorization": {"Bearer " + value}})
		require.Equal(t, n > 0, err != nil)
	}
	require.NoError(t, c.Shutdown(context.Background()))
	got := auditEntries(t, cfg.Failures.Audit.Directory)
	total := map[string]int64{} // a minute may have ended meanwhile
	for _, r := range got {
		assert.Equal(t, "127.0.0.1", r.Source)
		for reason, n := range r.Reasons {
			total[reason] += n
		}
	}
	assert.Equal(t, map[string]int64{"unknown_key": 2, "malformed_key": 1}, total)
	require.NoError(t, filepath.WalkDir(cfg.Failures.Audit.Directory, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		assert.NotContains(t, string(data), unknown)
		assert.NotContains(t, string(data), key.ID)
		return err
	}))
}

func TestFailureAudit_HasMetrics(t *testing.T) {
	cfg := serverConfig()
	cfg.Failures.Audit.Directory = filepath.Join(t.TempDir(), "audit")
	c, telemetry := startServerWith(t, cfg, tenanttest.NewRegistry(t))
	c.audit.written.Store(7)
	c.audit.unwritten.Store(2)
	metadatatest.AssertEqualExtensionBearerKeyAuthAuditEntries(t, telemetry, []metricdata.DataPoint[int64]{{Value: 7}}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualExtensionBearerKeyAuthAuditWaitingEntries(t, telemetry, []metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, c.Shutdown(context.Background()))
}

func TestFailureAudit_SurvivesAClockThatIsSetBack(t *testing.T) {
	f := newAuditFixture(t)
	f.fail(1, ip("192.0.2.1"), unknownKey)
	f.now = f.now.Add(-time.Hour)
	f.report(f.flush(t.Context()))
	f.close()
	got := auditEntries(t, f.set.Directory)
	require.Len(t, got, 1)
	assert.Equal(t, got[0].To, got[0].From)
}

// A whole minute of the clock is one entry, however late the gateway started.
func TestFailureAudit_EndsWithTheMinuteOfTheClock(t *testing.T) {
	f := newAuditFixture(t)
	for second, want := range map[int]time.Duration{0: time.Minute, 1: 59 * time.Second, 59: time.Second} {
		f.now = noon.Truncate(time.Minute).Add(time.Duration(second) * time.Second)
		assert.Equal(t, want, f.untilEnd(), fmt.Sprint(second))
	}
}
