// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package daemonlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

func settings() Settings {
	return Settings{
		MaxLine: 1 << 20, Location: time.UTC, Log: applog.Settings{JSON: true, Location: time.UTC}, Join: true, Original: true,
		Host: "web-01", Scope: "scope", Version: "1",
	}
}

var source = decode.Source{ID: 7, Name: "pm2.log"}

// decodeFile decodes blocks of whole lines of about size bytes, each by a decoder that
// continues from the checkpoint of the last, and flushes at the end.
func decodeFile(t testing.TB, set Settings, text []byte, size int) []plog.Logs {
	var all []plog.Logs
	var state decode.State
	now := time.Now()
	for base := 0; base < len(text); {
		end := min(base+size, len(text))
		if i := bytes.IndexByte(text[end-1:], '\n'); i >= 0 {
			end += i
		} else {
			end = len(text)
		}
		d := New(set, state)
		logs, _ := d.Decode(text[base:end], source, int64(base), now, func(l plog.Logs) { all = append(all, l) })
		all = append(all, logs)
		raw, err := json.Marshal(d.State())
		require.NoError(t, err)
		state = decode.State{}
		require.NoError(t, json.Unmarshal(raw, &state))
		base = end
	}
	d := New(set, state)
	logs, _ := d.Flush(source, now, true)
	require.False(t, d.Pending())
	return append(all, logs)
}

// Each folder of testdata/records is a case: a log, and the expected records. A case
// without records.txt writes one and fails, so that it is looked at.
func TestDecoder_ReturnsRecords(t *testing.T) {
	files, err := filepath.Glob("testdata/records/*/pm2.log")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			golden := filepath.Join(dir, "records.txt")
			want, err := os.ReadFile(golden)
			if os.IsNotExist(err) {
				require.NoError(t, os.WriteFile(golden, []byte(render(decodeFile(t, settings(), text, 16<<20))), 0o644))
				require.FailNow(t, "wrote "+golden)
			}
			require.NoError(t, err)
			for _, size := range []int{1, 200, 16 << 20} {
				assert.Equal(t, string(want), render(decodeFile(t, settings(), text, size)), "blocks of %d", size)
			}
		})
	}
}

// placed are the records by their position in the file.
func placed(all []plog.Logs) map[string]string {
	out := map[string]string{}
	for _, logs := range all {
		for _, rl := range logs.ResourceLogs().All() {
			resource := rl.Resource().Attributes().AsRaw()
			who := fmt.Sprint(resource["service.name"])
			if id, has := resource["pm2.process.id"]; has {
				who += fmt.Sprintf(" %v (%v)", id, resource["service.instance.id"])
			}
			for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
				uid, _ := rec.Attributes().Get("log.record.uid")
				text := who
				if rec.EventName() != "" {
					text += ": " + rec.EventName()
				}
				text += fmt.Sprintf("\n  %s\n", strings.ReplaceAll(rec.Body().AsString(), "\n", "\n  | "))
				text += fmt.Sprintf("  severity %d %s", rec.SeverityNumber(), rec.SeverityText())
				if rec.Timestamp() != 0 {
					text += " at " + rec.Timestamp().AsTime().Format(time.RFC3339Nano)
				}
				text += "\n"
				attrs := rec.Attributes().AsRaw()
				for _, key := range slices.Sorted(maps.Keys(attrs)) {
					if !strings.HasPrefix(key, "log.") {
						text += fmt.Sprintf("  %s: %v\n", key, strings.ReplaceAll(fmt.Sprint(attrs[key]), "\n", "\n  | "))
					}
				}
				out[uid.Str()] = text
			}
		}
	}
	return out
}

func render(all []plog.Logs) string {
	records := placed(all)
	text := ""
	for _, uid := range byOffset(records) {
		text += records[uid]
	}
	return text
}

func byOffset(records map[string]string) []string {
	return slices.SortedFunc(maps.Keys(records), func(a, b string) int {
		var x, y, partX, partY int
		_, _ = fmt.Sscanf(a[17:], "%d-0-%d", &x, &partX)
		_, _ = fmt.Sscanf(b[17:], "%d-0-%d", &y, &partY)
		return (x-y)*1000 + partX - partY
	})
}

// originals returns the lines that the records have as original, in the order of the file.
func originals(all []plog.Logs) string {
	lines := map[string]string{}
	for _, logs := range all {
		for _, rl := range logs.ResourceLogs().All() {
			for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
				uid, _ := rec.Attributes().Get("log.record.uid")
				text, _ := rec.Attributes().Get("log.record.original")
				lines[uid.Str()] = text.Str()
				if part, has := rec.Attributes().Get("pm2.line.part"); has {
					if _, last := rec.Attributes().Get("pm2.line.last_part"); !last {
						lines[uid.Str()] += "\x00"
					}
					_ = part
				}
			}
		}
	}
	text := ""
	for _, uid := range byOffset(lines) {
		text += lines[uid] + "\n"
	}
	return strings.ReplaceAll(text, "\x00\n", "")
}

func TestDecoder_LosesNoLine(t *testing.T) {
	files, err := filepath.Glob("testdata/records/*/pm2.log")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, join := range []bool{true, false} {
			set := settings()
			set.Join = join
			want := strings.TrimSuffix(string([]rune(string(text))), "\n") + "\n"
			assert.Equal(t, want, originals(decodeFile(t, set, text, 300)), file)
		}
	}
}

func TestDecoder_CutsLinesThatAreTooLong(t *testing.T) {
	set := settings()
	set.MaxLine = 10
	text := "123456789ä123456789\nshort\n"
	all := decodeFile(t, set, []byte(text), 1)
	assert.Equal(t, text, originals(all))
	records := placed(all)
	assert.Len(t, records, 4)
	assert.Equal(t, "pm2\n  123456789\n  severity 0 \n  pm2.line.part: 1\n", records["0000000000000007-0-0-1"])
	assert.Equal(t, "pm2\n  9\n  severity 0 \n  pm2.line.last_part: true\n  pm2.line.part: 3\n", records["0000000000000007-0-0-3"])
}

func TestDecoder_RepeatsTheSameBatches(t *testing.T) {
	text := []byte(strings.Repeat("2026-11-21T02:09:20: PM2 log: App [web:0] online\n", maxRecords+10))
	d := New(settings(), decode.State{})
	before := d.State()
	for range 2 {
		var full []plog.Logs
		rest, stats := d.Decode(text, source, 0, time.Now(), func(l plog.Logs) { full = append(full, l) })
		require.Len(t, full, 1)
		assert.Equal(t, maxRecords, full[0].LogRecordCount())
		assert.Equal(t, 10, rest.LogRecordCount())
		assert.Equal(t, maxRecords+10, stats.Records)
		d.Restore(before)
		assert.Equal(t, before, d.State())
	}
}

func TestDecoder_HoldsBackAnIncompleteTrace(t *testing.T) {
	d := New(settings(), decode.State{})
	now := time.Now()
	logs, _ := d.Decode([]byte("TypeError: x\n    at a (b.js:1:1)\n"), source, 0, now, nil)
	assert.Zero(t, logs.LogRecordCount())
	assert.True(t, d.Pending())
	logs, _ = d.Flush(source, now, false)
	assert.Zero(t, logs.LogRecordCount())
	logs, stats := d.Flush(source, now.Add(time.Second), false)
	assert.Equal(t, 1, logs.LogRecordCount())
	assert.Equal(t, decode.Stats{Records: 1, Joined: 1, Raw: 1}, stats)
	assert.False(t, d.Pending())
}

func TestDecoder_BoundsRememberedProcesses(t *testing.T) {
	var text strings.Builder
	for i := range 3 * maxProcesses {
		fmt.Fprintf(&text, "2026-11-21T02:09:20: PM2 log: App [web:%d] online\n", i)
	}
	d := New(settings(), decode.State{})
	d.Decode([]byte(text.String()), source, 0, time.Now(), nil)
	known := d.State().Daemon.Processes
	assert.Len(t, known, maxProcesses)
	assert.Equal(t, decode.Process{ID: 3*maxProcesses - 1, App: "web"}, known[maxProcesses-1])
}

func TestDecoder_IgnoresADamagedState(t *testing.T) {
	d := New(settings(), decode.State{Daemon: decode.DaemonState{Exited: true}})
	logs, _ := d.Decode([]byte("2026-11-21T02:09:11: PM2 log: Script a had too many unstable restarts (3). Stopped. \"errored\"\n"), source, 0, time.Now(), nil)
	name, _ := logs.ResourceLogs().At(0).Resource().Attributes().Get("service.name")
	assert.Equal(t, "pm2", name.Str())
}
