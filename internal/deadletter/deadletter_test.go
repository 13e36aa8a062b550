// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func note(reason string, minute int) *deadletter.Note {
	return &deadletter.Note{
		Time: time.Date(2026, 11, 21, 8, minute, 0, 0, time.UTC), Tenant: "a", Destination: "loki", Signal: "logs", Reason: reason, Message: `quoted "x"`,
	}
}

func request(t *testing.T, body string) []byte {
	t.Helper()
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(body)
	data, err := (&plog.JSONMarshaler{}).MarshalLogs(ld)
	require.NoError(t, err)
	return data
}

// write makes a file of dead letters that quiet long ago.
func write(t *testing.T, directory, name string, bodies ...string) {
	t.Helper()
	var data []byte
	for i, body := range bodies {
		var err error
		data, err = deadletter.Append(data, request(t, body), note("http_400", i))
		require.NoError(t, err)
	}
	path := filepath.Join(directory, note("", 0).Folder(), name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, data, 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
}

func TestAppend_ParseAndReadersOfOTLP(t *testing.T) {
	for _, body := range []string{"x", `,"deadLetter":{"a":1}}`, "line\nfeed", "\u2028"} {
		want := request(t, body)
		line, err := deadletter.Append(nil, want, note("http_413", 1))
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(line), "\n"))
		got, n, err := deadletter.Parse(line)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
		assert.Equal(t, *note("http_413", 1), n)
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		require.NoError(t, err, "readers of OTLP JSON pass over the note")
		assert.Equal(t, body, ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str())
	}
	_, err := deadletter.Append(nil, []byte("{}"), note("", 0))
	require.Error(t, err)
	for _, bad := range []string{"", "{}", `{"a":1}`, `{"a":1,"deadLetter":x}}`} {
		_, _, err := deadletter.Parse([]byte(bad))
		assert.Error(t, err, bad)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	assert.Empty(t, groups)
	write(t, dir, "00000.jsonl", "1", "2")
	write(t, dir, "00001.jsonl", "3")
	groups, err = deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	require.Len(t, groups, 1)
	g := groups[0]
	assert.Equal(t, tenant.ID("a"), g.Tenant)
	assert.Equal(t, "loki", g.Destination)
	assert.Equal(t, tenant.Logs, g.Signal)
	assert.Len(t, g.Files, 2)
	assert.Equal(t, 3, g.Requests)
	assert.Equal(t, map[string]int{"http_400": 3}, g.Reasons)
	assert.Equal(t, note("", 0).Time, g.First)
	assert.Equal(t, note("", 1).Time, g.Last)
}

func TestReplay_RemovesSentRequestsAndKeepsTheRest(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "00000.jsonl", "1", "2", "3")
	write(t, dir, "00001.jsonl", "4")
	var got []string
	fail := true
	send := func(_ context.Context, r []byte, n deadletter.Note) error {
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(r)
		require.NoError(t, err)
		assert.Equal(t, "loki", n.Destination)
		body := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str()
		if body == "3" && fail {
			return errors.New("still rejected")
		}
		got = append(got, body)
		return nil
	}
	replay := func() (deadletter.Outcome, error) {
		groups, err := deadletter.Find(dir, deadletter.Filter{})
		require.NoError(t, err)
		require.Len(t, groups, 1)
		return deadletter.Replay(context.Background(), &groups[0], time.Now().Add(time.Hour), send)
	}
	o, err := replay()
	require.ErrorContains(t, err, "still rejected")
	assert.Equal(t, deadletter.Outcome{Sent: 2}, o)
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	assert.Equal(t, 2, groups[0].Requests, "what was sent is not listed")
	fail = false
	o, err = replay()
	require.NoError(t, err)
	assert.Equal(t, deadletter.Outcome{Sent: 2}, o)
	assert.Equal(t, []string{"1", "2", "3", "4"}, got, "each once, in order")
	groups, err = deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	assert.Empty(t, groups)
	left, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*"))
	require.NoError(t, err)
	assert.Empty(t, left, "nothing stays")
}

func TestReplay_ContinuesAfterARejection(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "00000.jsonl", "bad", "2", "bad", "4")
	var got []string
	replay := func() deadletter.Outcome {
		groups, err := deadletter.Find(dir, deadletter.Filter{})
		require.NoError(t, err)
		o, err := deadletter.Replay(context.Background(), &groups[0], time.Now(), func(_ context.Context, r []byte, _ deadletter.Note) error {
			if strings.Contains(string(r), "bad") {
				return fmt.Errorf("%w: too bad", deadletter.ErrRejected)
			}
			got = append(got, string(r))
			return nil
		})
		require.NoError(t, err)
		return o
	}
	assert.Equal(t, deadletter.Outcome{Sent: 2, Rejected: 2}, replay())
	assert.Equal(t, deadletter.Outcome{Rejected: 2}, replay())
	assert.Len(t, got, 2, "each once")
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	assert.Equal(t, 2, groups[0].Requests)
}

// A replay that ends without another word, as a killed one does, repeats at most
// what it was sending.
func TestReplay_KilledRepeatsAtMostOne(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "00000.jsonl", "1", "2", "3")
	counts := map[string]int{}
	for range 4 {
		groups, err := deadletter.Find(dir, deadletter.Filter{})
		require.NoError(t, err)
		if len(groups) == 0 {
			break
		}
		func() {
			defer func() { _ = recover() }()
			n := 0
			_, _ = deadletter.Replay(context.Background(), &groups[0], time.Now(), func(_ context.Context, r []byte, _ deadletter.Note) error {
				if n++; n == 2 {
					counts[string(r)]++ // it arrived, but nothing could be noted
					panic("killed")
				}
				counts[string(r)]++
				return nil
			})
		}()
	}
	require.Len(t, counts, 3)
	total := 0
	for _, n := range counts {
		assert.LessOrEqual(t, n, 2)
		total += n
	}
	assert.LessOrEqual(t, total, 5)
}

func TestReplay_HalfWrittenProgressIsCutOff(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "00000.jsonl", "1", "2")
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	n := 0
	stop := errors.New("stop")
	send := func(context.Context, []byte, deadletter.Note) error {
		if n++; n == 2 {
			return stop
		}
		return nil
	}
	_, err = deadletter.Replay(context.Background(), &groups[0], time.Now(), send)
	require.ErrorIs(t, err, stop)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*.sent"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	assert.Equal(t, "0\n", string(data))
	require.NoError(t, os.WriteFile(files[0], append(data, '1'), 0o600))
	groups, err = deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	assert.Equal(t, 1, groups[0].Requests)
	o, err := deadletter.Replay(context.Background(), &groups[0], time.Now(), send)
	require.NoError(t, err)
	assert.Equal(t, 1, o.Sent)
}

// The gateway continues writing to a file of the same name while one is replayed.
func TestReplay_KeepsLaterRequests(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "00000.jsonl", "1")
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	_, err = deadletter.Replay(context.Background(), &groups[0], time.Now(), func(context.Context, []byte, deadletter.Note) error {
		write(t, dir, "00000.jsonl", "2")
		return nil
	})
	require.NoError(t, err)
	groups, err = deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	require.Len(t, groups, 1)
	assert.Equal(t, 1, groups[0].Requests)
}

func TestLock_ExcludesOthers(t *testing.T) {
	dir := t.TempDir()
	unlock, err := deadletter.Lock(dir)
	require.NoError(t, err)
	_, err = deadletter.Lock(dir)
	require.ErrorIs(t, err, deadletter.ErrBusy)
	require.NoError(t, unlock())
	unlock, err = deadletter.Lock(dir)
	require.NoError(t, err)
	require.NoError(t, unlock())
}

func TestReplay_SkipsFilesThatMayBeWritten(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "00000.jsonl", "1")
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	path := groups[0].Files[0]
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"half`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	groups, err = deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	assert.Equal(t, 1, groups[0].Requests, "a half line does not count")
	o, err := deadletter.Replay(context.Background(), &groups[0], time.Now(), nil)
	require.NoError(t, err)
	assert.Equal(t, deadletter.Outcome{Skipped: 1}, o)
	assert.FileExists(t, path)
}

func TestReplay_EndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "00000.jsonl", "1")
	groups, err := deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = deadletter.Replay(ctx, &groups[0], time.Now(), nil)
	require.ErrorIs(t, err, context.Canceled)
	groups, err = deadletter.Find(dir, deadletter.Filter{})
	require.NoError(t, err)
	require.Len(t, groups, 1)
	assert.Equal(t, 1, groups[0].Requests)
}
