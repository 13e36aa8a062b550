// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit/segmented"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

// writeGatewayLog makes a log as a gateway does and returns its folder.
func writeGatewayLog(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "audit")
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s, err := segmented.Open(t.Context(), segmented.Settings{
		Directory: dir, KeyFile: dir + ".key", MaxBytes: 1 << 20, Actor: "bearer_key_auth", User: "u@host", Now: func() time.Time { return at },
	})
	require.NoError(t, err)
	reject := func(source string, sources int64, reasons map[string]int64) *audit.Entry {
		return &audit.Entry{Time: at, Actor: "bearer_key_auth", User: "u@host", Action: "auth reject", Rejected: &audit.Rejected{
			Source: source, Sources: sources, From: at, To: at.Add(time.Minute), Reasons: reasons,
		}}
	}
	require.NoError(t, s.Append(t.Context(), reject("192.0.2.1", 0, map[string]int64{"unknown_key": 3, "no_key": 1}), reject("others", 7, map[string]int64{"expired_key": 9})))
	require.NoError(t, s.Close())
	return dir
}

// A gateway's log is read without a registry.
func gatewayCLI(t *testing.T, args ...string) result {
	t.Helper()
	var out, errOut strings.Builder
	code := run(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &errOut})
	return result{code, out.String(), errOut.String()}
}

func TestAuditList_OfAGateway(t *testing.T) {
	dir := writeGatewayLog(t)
	r := gatewayCLI(t, "audit", "list", "--log", dir)
	require.Zero(t, r.code, r.err)
	assert.Equal(t, strings.TrimPrefix(`
SEQ  FROM                  TO                    SOURCE     REJECTED
1.1  2026-05-01T12:00:00Z  2026-05-01T12:01:00Z  192.0.2.1  no_key=1 unknown_key=3
1.2  2026-05-01T12:00:00Z  2026-05-01T12:01:00Z  7 others   expired_key=9
`, "\n"), r.out)
	r = gatewayCLI(t, "audit", "list", "--log", dir, "--details")
	assert.Contains(t, r.out, "log begin by bearer_key_auth (u@host)")

	r = gatewayCLI(t, "audit", "list", "--log", dir, "-o", "json")
	var entries []struct {
		Part, Seq int64
		Action    string
		Rejected  *audit.Rejected `json:"refused"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &entries), r.out)
	require.Len(t, entries, 3)
	assert.Equal(t, int64(1), entries[2].Part)
	assert.Equal(t, int64(2), entries[2].Seq)
	assert.Equal(t, map[string]int64{"expired_key": 9}, entries[2].Rejected.Reasons)

	r = gatewayCLI(t, "audit", "list", "--log", dir, "--tenant", "a")
	assert.Equal(t, exitUsage, r.code)
	r = gatewayCLI(t, "audit", "list", "--log", dir+"x")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, "there is no audit log of a gateway")
}

func TestAuditVerify_OfAGateway(t *testing.T) {
	t.Setenv(auditKeyEnv, filepath.Join(t.TempDir(), "of-the-registry")) // is not meant
	dir := writeGatewayLog(t)
	r := gatewayCLI(t, "audit", "verify", "--log", dir+"/.//", "-o", "json")
	require.Zero(t, r.code, r.err)
	var v operate.Verification
	require.NoError(t, json.Unmarshal([]byte(r.out), &v))
	assert.True(t, v.Valid)
	assert.Equal(t, int64(3), v.Entries)
	assert.Equal(t, int64(1), v.LastSegment)
	assert.Empty(t, v.Warnings)

	// Elsewhere, with the public key and what was kept.
	kept := filepath.Join(t.TempDir(), "kept.json")
	require.NoError(t, os.WriteFile(kept, []byte(r.out), 0o600))
	copied := filepath.Join(t.TempDir(), "copied")
	require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
	r = gatewayCLI(t, "audit", "verify", "--log", copied, "--verifier", v.Verifier, "--checkpoint", kept)
	require.Zero(t, r.code, r.err)
	assert.Contains(t, r.out, "3 entries, none changed since they were written")
	r = gatewayCLI(t, "audit", "verify", "--log", copied)
	assert.Equal(t, exitFailure, r.code)
	assert.Equal(t, "tenantctl: the key of the audit log is missing: there is no file "+copied+".key; to verify without this file, give --audit-key FILE or --verifier KEY\n", r.err)
	r = gatewayCLI(t, "audit", "verify", "--log", copied+"x")
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, "there is no audit log of a gateway: stat "+copied+"x: no such file")
	r = gatewayCLI(t, "audit", "verify", "--log", copied, "--verifier", v.Verifier, "--checkpoint", filepath.Join(dir, "00000001", "entries.jsonl"))
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, "entries.jsonl: the checkpoint is damaged")
	for _, of := range []string{"list", "verify"} {
		r = gatewayCLI(t, "audit", of, "--log", filepath.Dir(dir))
		assert.Equal(t, exitFailure, r.code)
		assert.Contains(t, r.err, "--log: "+filepath.Dir(dir)+" is not the audit log of a gateway")
	}
	for _, log := range [][]string{nil, {"--log", copied}} {
		r = gatewayCLI(t, append([]string{"--registry", copied, "audit", "verify", "--verifier", "x"}, log...)...)
		assert.Equal(t, exitUsage, r.code)
		assert.Contains(t, r.err, "--verifier: not a public key of an audit log")
	}

	entries := filepath.Join(dir, "00000001", "entries.jsonl")
	data, err := os.ReadFile(entries)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(entries, []byte(strings.Replace(string(data), "192.0.2.1", "192.0.2.9", 1)), 0o600))
	r = gatewayCLI(t, "audit", "verify", "--log", dir)
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.out, "fault: segment 1: entry 1 is not what was written")
}
