// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// letters writes a file of dead letters with these bodies, as old as if it were complete.
func letters(t *testing.T, dir, id, destination string, bodies ...string) {
	t.Helper()
	var data []byte
	var n deadletter.Note
	for i, body := range bodies {
		ld := plog.NewLogs()
		ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(body)
		request, err := (&plog.JSONMarshaler{}).MarshalLogs(ld)
		require.NoError(t, err)
		n = deadletter.Note{
			Time: time.Date(2026, 1, 2, 3, i, 0, 0, time.UTC), Tenant: tenant.ID(id), Destination: destination, Signal: "logs",
			Reason: []string{"http_400", "http_500"}[i%2],
		}
		data, err = deadletter.Append(data, request, &n)
		require.NoError(t, err)
	}
	path := filepath.Join(dir, n.Folder(), "00000.jsonl")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, data, 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
}

// letterBox is a server that accepts dead letters, or gives another answer.
type letterBox struct {
	*httptest.Server
	json   bool // what it takes
	mu     sync.Mutex
	got    []string // path, tenant header and body
	auth   []string
	answer func(body string) (status int, text string)
}

func newLetterBox(t *testing.T) *letterBox {
	b := &letterBox{answer: func(string) (int, string) { return 200, "{}" }}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		unmarshal := (&plog.ProtoUnmarshaler{}).UnmarshalLogs
		if b.json {
			unmarshal = (&plog.JSONUnmarshaler{}).UnmarshalLogs
		}
		ld, err := unmarshal(data)
		if !assert.NoError(t, err) {
			return
		}
		assert.NotContains(t, string(data), "deadLetter")
		assert.Equal(t, map[bool]string{false: "application/x-protobuf", true: "application/json"}[b.json], r.Header.Get("Content-Type"))
		body := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str()
		b.mu.Lock()
		defer b.mu.Unlock()
		status, text := b.answer(body)
		if status < 300 {
			b.got = append(b.got, fmt.Sprintf("%s %s %s", r.URL.Path, r.Header.Get("X-Scope-OrgID")+r.Header.Get(tenant.HeaderBusinessID), body))
			b.auth = append(b.auth, r.Header.Get("Authorization"))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(b.Close)
	return b
}

func TestDeadLetterList(t *testing.T) {
	c, dir := newCLI(t), t.TempDir()
	letters(t, dir, "tenant-b", "loki", "1")
	letters(t, dir, "tenant-a", "loki", "1", "2", "3")
	letters(t, dir, "tenant-a", "archive", "1")

	var got []operate.DeadLetterView
	c.json(&got, "deadletter", "list", "--directory", dir)
	require.Len(t, got, 3)
	assert.Equal(t, "archive", got[0].Destination)
	assert.Positive(t, got[1].Bytes)
	got[1].Bytes = 0
	assert.Equal(t, operate.DeadLetterView{
		Tenant: "tenant-a", Destination: "loki", Signal: "logs", Requests: 3, Reasons: map[string]int{"http_400": 2, "http_500": 1},
		First: "2026-01-02T03:00:00Z", Last: "2026-01-02T03:02:00Z",
	}, got[1])
	assert.Equal(t, "tenant-b", got[2].Tenant)
	c.yamlAndJSONAgree("deadletter", "list", "--directory", dir)
	table := c.ok("deadletter", "list", "--directory", dir, "--tenant", "tenant-a", "--destination", "loki", "--signal", "logs")
	assert.Regexp(t, `TENANT +DESTINATION +SIGNAL +REQUESTS +BYTES +REASONS +FIRST +LAST\ntenant-a +loki +logs +3 +\d+ +http_400:2,http_500:1 +2026-01-02T03:00:00Z +2026-01-02T03:02:00Z\n$`, table)
	assert.Equal(t, "[]\n", c.ok("deadletter", "list", "--directory", dir, "--tenant", "nobody", "-o", "json"))
}

func TestDeadLetterReplay_ToABackendPerTenant(t *testing.T) {
	c, dir, box := newCLI(t), t.TempDir(), newLetterBox(t)
	letters(t, dir, "tenant-a", "loki", "1", "2")
	letters(t, dir, "tenant-b", "loki", "3")
	letters(t, dir, "tenant-b", "signoz", "4")
	args := []string{"deadletter", "replay", "--directory", dir, "--destination", "loki", "--endpoint", box.URL + "/otlp/", "--header", "X-Scope-OrgID={tenant}"}

	var got []operate.ReplayedGroup
	c.json(&got, append(args, "--dry-run")...)
	assert.Equal(t, []operate.ReplayedGroup{replayedGroup("tenant-a", "loki", "logs", 0, 0, 2, ""), replayedGroup("tenant-b", "loki", "logs", 0, 0, 1, "")}, got)
	assert.Empty(t, box.got)
	c.json(&got, args...)
	assert.Equal(t, []operate.ReplayedGroup{replayedGroup("tenant-a", "loki", "logs", 2, 0, 0, ""), replayedGroup("tenant-b", "loki", "logs", 1, 0, 0, "")}, got)
	want := []string{"/otlp/v1/logs tenant-a 1", "/otlp/v1/logs tenant-a 2", "/otlp/v1/logs tenant-b 3"}
	assert.Equal(t, want, box.got)
	assert.Equal(t, "[]\n", c.ok(append(args, "-o", "json")...))
	assert.Equal(t, want, box.got, "nothing is sent twice")
	var left []operate.DeadLetterView
	c.json(&left, "deadletter", "list", "--directory", dir)
	require.Len(t, left, 1)
	assert.Equal(t, "signoz", left[0].Destination)
}

func TestDeadLetterReplay_InJSON(t *testing.T) {
	c, dir, box := newCLI(t), t.TempDir(), newLetterBox(t)
	box.json = true
	letters(t, dir, "tenant-a", "loki", "1")
	c.ok("deadletter", "replay", "--directory", dir, "--tenant", "tenant-a", "--endpoint", box.URL, "--encoding", "json")
	assert.Equal(t, []string{"/v1/logs  1"}, box.got)
}

// Dead letters of two destinations must not both be sent to --endpoint.
func TestDeadLetterReplay_OfOneDestinationOnly(t *testing.T) {
	c, dir, box := newCLI(t), t.TempDir(), newLetterBox(t)
	letters(t, dir, "tenant-a", "loki", "1")
	letters(t, dir, "tenant-a", "signoz", "2")
	args := []string{"deadletter", "replay", "--directory", dir, "--tenant", "tenant-a", "--endpoint", box.URL}
	c.fails(exitUsage, "--destination must be one of loki, signoz", args...)
	assert.Empty(t, box.got)
	c.ok(append(args, "--destination", "signoz")...)
	assert.Equal(t, []string{"/v1/logs  2"}, box.got)
}

// The answer is in the encoding of the request.
func TestDeadLetterReplay_PartialSuccessInProtobuf(t *testing.T) {
	c, dir := newCLI(t), t.TempDir()
	letters(t, dir, "tenant-a", "loki", "1")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer := plogotlp.NewExportResponse()
		answer.PartialSuccess().SetRejectedLogRecords(1)
		answer.PartialSuccess().SetErrorMessage("too old")
		data, err := answer.MarshalProto()
		assert.NoError(t, err)
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(data)
	}))
	defer s.Close()
	r := c.run("deadletter", "replay", "--directory", dir, "--tenant", "tenant-a", "--endpoint", s.URL)
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, "1 records rejected: too old")
	assert.Contains(t, r.err, "1 dead letter is left")
}

func TestDeadLetterReplay_ThroughAGatewaySendsTheTenant(t *testing.T) {
	c, dir, box := newCLI(t), t.TempDir(), newLetterBox(t)
	letters(t, dir, "tenant-a", "loki", "1")
	letters(t, dir, "tenant-b", "loki", "2")
	key, _ := apikey.New()
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(key+"\n"), 0o600))
	args := []string{"deadletter", "replay", "--directory", dir, "--tenant", "tenant-a", "--endpoint", box.URL, "--key-file", file}
	c.fails(exitUsage, "a gateway sends what it accepts to all destinations of the tenant", args...)
	assert.Empty(t, box.got, "not without saying so")
	c.ok(append(args, "--all-destinations")...)
	assert.Equal(t, []string{"/v1/logs tenant-a 1"}, box.got)
	assert.Equal(t, []string{"Bearer " + key}, box.auth)
}

func TestDeadLetterReplay_KeepsRejectedRequestsAndStopsAtAnOutage(t *testing.T) {
	c, dir, box := newCLI(t), t.TempDir(), newLetterBox(t)
	letters(t, dir, "tenant-a", "loki", "bad", "2", "partly", "4", "5")
	args := []string{"deadletter", "replay", "--directory", dir, "--tenant", "tenant-a", "--endpoint", box.URL, "-o", "json"}
	down := true
	box.answer = func(body string) (int, string) {
		switch {
		case body == "bad":
			return 400, "no\x1b[31m"
		case body == "partly":
			return 200, `{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}`
		case body == "4" && down:
			return 503, "later"
		}
		return 200, ""
	}
	r := c.run(args...)
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, "answered HTTP status 503: later")
	const partly = "rejected: accepted only in part, and another replay sends all of it: 1 records rejected: too old"
	var got []operate.ReplayedGroup
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	assert.Equal(t, []operate.ReplayedGroup{replayedGroup("tenant-a", "loki", "logs", 1, 2, 4, partly)}, got)
	down = false
	r = c.run(args...)
	assert.Equal(t, exitFailure, r.code, "letters are left")
	assert.Contains(t, r.err, "tenantctl: 2 dead letters are left")
	assert.Contains(t, r.err, "Note: logs of tenant tenant-a for loki: "+partly)
	assert.NotContains(t, r.err, "\x1b")
	require.NoError(t, json.Unmarshal([]byte(r.out), &got))
	assert.Equal(t, []operate.ReplayedGroup{replayedGroup("tenant-a", "loki", "logs", 2, 2, 2, partly)}, got)
	var sent []string
	for _, line := range box.got {
		sent = append(sent, line[strings.LastIndexByte(line, ' ')+1:])
	}
	assert.Equal(t, []string{"2", "partly", "4", "5"}, slicesCompactPartly(sent), "each once but for what was taken in part")
}

// slicesCompactPartly removes the repetition of what was taken in part only.
func slicesCompactPartly(list []string) (out []string) {
	seen := false
	for _, s := range list {
		if s == "partly" && seen {
			continue
		}
		seen = seen || s == "partly"
		out = append(out, s)
	}
	return out
}

// A damaged line of one tenant keeps nobody's letters, and is named.
func TestDeadLetters_DamagedLines(t *testing.T) {
	c, dir, box := newCLI(t), t.TempDir(), newLetterBox(t)
	letters(t, dir, "tenant-a", "loki", "1", "2")
	letters(t, dir, "tenant-b", "loki", "3")
	files, err := filepath.Glob(filepath.Join(dir, "tenant=tenant-a", "*", "*", "*.jsonl"))
	require.NoError(t, err)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(files[0], append([]byte("x\n"), data...), 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(files[0], old, old))

	want := files[0] + ": line 1: not a dead letter\ntenantctl: these lines cannot be sent and remain in their files"
	replay := []string{"deadletter", "replay", "--directory", dir, "--endpoint", box.URL, "--header", "X-Scope-OrgID={tenant}"}
	for _, args := range [][]string{{"deadletter", "list", "--directory", dir}, append(replay, "--dry-run")} {
		r := c.run(args...)
		assert.Equal(t, exitFailure, r.code)
		assert.Contains(t, r.err, want)
		assert.Regexp(t, `tenant-a +loki +logs .*\ntenant-b `, r.out)
	}
	r := c.run(replay...)
	assert.Equal(t, exitFailure, r.code)
	assert.Contains(t, r.err, ".replay: line 1: not a dead letter\n")
	assert.Equal(t, []string{"/v1/logs tenant-a 1", "/v1/logs tenant-a 2", "/v1/logs tenant-b 3"}, box.got)
	r = c.run("deadletter", "list", "--directory", dir)
	assert.Equal(t, exitFailure, r.code, "it stays")
	assert.Equal(t, "[]\n", c.ok("deadletter", "list", "--directory", dir, "--tenant", "tenant-b", "-o", "json"))
}

func TestDeadLetters_WrongDirectory(t *testing.T) {
	c, dir := newCLI(t), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key-use.json"), nil, 0o600))
	for _, args := range [][]string{{"list"}, {"replay", "--tenant", "a", "--endpoint", "http://x"}} {
		c.fails(exitFailure, "--directory: "+dir+" has no dead letters but other files", append([]string{"deadletter", args[0], "--directory", dir}, args[1:]...)...)
	}
	assert.NoFileExists(t, filepath.Join(dir, ".replay.lock"))
}

func TestDeadLetterReplay_SkipsFreshFiles(t *testing.T) {
	c, dir, box := newCLI(t), t.TempDir(), newLetterBox(t)
	letters(t, dir, "tenant-a", "loki", "1")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*.jsonl"))
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(files[0], time.Now(), time.Now()))
	r := c.run("deadletter", "replay", "--directory", dir, "--tenant", "tenant-a", "--endpoint", box.URL)
	assert.Equal(t, exitFailure, r.code, "letters are left")
	assert.Contains(t, r.err, "1 files were written to within the last 2m0s")
	assert.Empty(t, box.got)
}

func TestDeadLetterReplay_RejectsFlags(t *testing.T) {
	c, dir := newCLI(t), t.TempDir()
	wrong := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(wrong, []byte("not-a-key-but-a-secret"), 0o600))
	base := []string{"deadletter", "replay", "--directory", dir}
	for text, args := range map[string][]string{
		"--header needs --endpoint":            {"--tenant", "a", "--header", "x=y"},
		"--encoding must be proto or":          {"--tenant", "a", "--endpoint", "http://x", "--encoding", "xml"},
		"to all destinations of":               {"--tenant", "a", "--endpoint", "http://x", "--all-destinations"},
		"must begin with http":                 {"--tenant", "a", "--endpoint", "ftp://x"},
		"neither query nor fragment":           {"--tenant", "a", "--endpoint", "http://x?y"},
		"--tenant is required, or {tenant} in": {"--endpoint", "http://x"},
		"--header must be NAME=VALUE":          {"--tenant", "a", "--endpoint", "http://x", "--header", "y"},
		"cannot be in a header":                {"--tenant", "a", "--endpoint", "http://x", "--header", "y=a\nb: c"},
		"--tenant is required with a key":      {"--endpoint", "http://x/{tenant}", "--key-file", wrong, "--all-destinations"},
		"--signal":                             {"--tenant", "a", "--endpoint", "http://x", "--signal", "profiles"},
		"takes no argument":                    {"x"},
	} {
		c.fails(exitUsage, text, append(base, args...)...)
	}
	c.fails(exitUsage, "--directory is required", "deadletter", "list")
	c.fails(exitFailure, "no such file", "deadletter", "list", "--directory", filepath.Join(dir, "none"))
	r := c.run(append(base, "--tenant", "a", "--endpoint", "http://x", "--key-file", wrong, "--all-destinations")...)
	assert.Equal(t, exitFailure, r.code)
	assert.NotContains(t, r.err, "secret")
	unlock, err := deadletter.Lock(dir)
	require.NoError(t, err)
	c.fails(exitFailure, "another replay", append(base, "--tenant", "a", "--endpoint", "http://x")...)
	require.NoError(t, unlock())
}

func TestDeadLetterReplay_HidesSecretsThatABackendRepeats(t *testing.T) {
	key, _ := apikey.New()
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(key), 0o600))
	for _, status := range []int{400, 401, 200} {
		c, dir := newCLI(t), t.TempDir()
		letters(t, dir, "tenant-a", "loki", "1")
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			text, _ := json.Marshal("no " + r.Header.Get("Authorization") + "\u202e\x1b[31m " + url.QueryEscape(r.Header.Get("X-Token")))
			fmt.Fprintf(w, `{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":%s}}`, text)
		}))
		defer s.Close()
		r := c.run("deadletter", "replay", "--directory", dir, "--tenant", "tenant-a", "--endpoint", s.URL, "--key-file", file, "--all-destinations", "--header", "X-Token=Zx81+qLm0/Tr9")
		assert.Contains(t, r.err, "(hidden)", status)
		for _, secret := range []string{key, key[len(key)-20:], "Zx81", "qLm0"} {
			assert.NotContains(t, r.out+r.err, secret, status)
		}
	}
}
