// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

const fieldDir = "../../../../testdata/field"

// The folder is the test: each NAME.log is a log as applications write it, and
// NAME.want.txt says what comes of it. See the README there.
func TestDecoder_ReadsLogsOfTheField(t *testing.T) {
	files, err := filepath.Glob(fieldDir + "/*.want.txt")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 40)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".want.txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			data, err := os.ReadFile(strings.TrimSuffix(file, ".want.txt") + ".log")
			require.NoError(t, err)
			name := regexp.MustCompile(`(?m)^file: (.*)$`).FindStringSubmatch(string(want))[1]
			set := Settings{
				Lines: lines.Settings{MaxLine: 1 << 20, Location: berlin, App: "app", ProcessID: envelope.NoProcess, Stderr: strings.HasSuffix(name, "-error.log")},
				Log:   applog.Settings{JSON: true, Strip: true, Location: berlin},
				Join:  true, Original: true, Host: "web-01", Scope: "pm2", Arenas: &arena.Pool{Overwrite: true},
			}
			got := fieldRecords(decodeAll(set, name, data, 1<<20))
			checkField(t, string(want), got)
			if t.Failed() {
				for i, r := range got {
					t.Logf("%d %s", i+1, r)
				}
			}
			// Blocks of one line: the same records, but for dates that are learned from the
			// lines behind them.
			requireValid(t, decodeAll(set, name, data, 1))
		})
	}
}

// fieldRecord is a record as the wants see it.
type fieldRecord struct {
	record   plog.LogRecord
	resource map[string]any
	place    [2]int
}

func (r fieldRecord) String() string {
	attrs := r.record.Attributes().AsRaw()
	for _, name := range []string{"log.record.original", "log.record.uid", "log.file.name"} {
		delete(attrs, name)
	}
	text, _ := json.Marshal(attrs)
	return fmt.Sprintf("%s %s %.300q %s %s %d %.600s", severity.Name(r.record.SeverityNumber()), r.record.Timestamp().AsTime().Format(time.RFC3339Nano),
		r.record.Body().AsString(), r.record.TraceID(), r.record.SpanID(), r.record.Flags(), text)
}

// fieldRecords returns records in the order of their lines.
func fieldRecords(all []plog.Logs) (out []fieldRecord) {
	for _, logs := range all {
		for _, rl := range logs.ResourceLogs().All() {
			resource := rl.Resource().Attributes().AsRaw()
			for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
				uid, _ := rec.Attributes().Get("log.record.uid")
				parts := strings.Split(uid.Str(), "-")
				offset, _ := strconv.Atoi(parts[1])
				index, _ := strconv.Atoi(parts[2])
				out = append(out, fieldRecord{rec, resource, [2]int{offset, index}})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b fieldRecord) int { return slices.Compare(a.place[:], b.place[:]) })
	return out
}

var (
	wantLine = regexp.MustCompile(`^(\d+|last(?:-\d+)?) (.*)$`)
	wantTerm = regexp.MustCompile(`([a-z][^=~!? ]*)([=~!?])("(?:[^"\\]|\\.)*"|[^ ]*)`)
)

func checkField(t *testing.T, want string, got []fieldRecord) {
	checks := 0
	for _, line := range strings.Split(want, "\n") {
		if n, ok := strings.CutPrefix(line, "records: "); ok {
			assert.Equal(t, n, strconv.Itoa(len(got)), "records")
			continue
		}
		m := wantLine.FindStringSubmatch(line)
		if m == nil {
			require.True(t, line == "" || line[0] == '#' || strings.HasPrefix(line, "file: "), "no want: %q", line)
			continue
		}
		at := len(got) - 1
		if back, ok := strings.CutPrefix(m[1], "last-"); ok {
			n, _ := strconv.Atoi(back)
			at -= n
		} else if m[1] != "last" {
			at, _ = strconv.Atoi(m[1])
			at--
		}
		if !assert.True(t, at >= 0 && at < len(got), "record %s is missing", m[1]) {
			continue
		}
		for _, term := range wantTerm.FindAllStringSubmatch(m[2], -1) {
			checks++
			checkTerm(t, m[1], term[1], term[2], unquoteWant(term[3]), got[at])
		}
	}
	assert.Positive(t, checks)
}

func unquoteWant(s string) string {
	if len(s) > 1 && s[0] == '"' {
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
	}
	return s
}

func checkTerm(t *testing.T, place, key, op, want string, r fieldRecord) {
	attrs := r.record.Attributes().AsRaw()
	have := ""
	switch {
	case key == "severity":
		have = severity.Name(r.record.SeverityNumber())
	case key == "time":
		have = r.record.Timestamp().AsTime().UTC().Format(time.RFC3339Nano)
		if op == "?" {
			assert.True(t, r.record.Timestamp() == 0 || r.record.Timestamp().AsTime().Sub(clock).Abs() < 10*365*24*time.Hour, "record %s: time %s", place, have)
			return
		}
		at, err := time.Parse(time.RFC3339Nano, want)
		if ms, ok := strings.CutSuffix(want, "ms"); ok {
			var n int64
			n, err = strconv.ParseInt(ms, 10, 64)
			at = time.UnixMilli(n)
		}
		require.NoError(t, err)
		want = at.UTC().Format(time.RFC3339Nano)
	case key == "trace":
		have = r.record.TraceID().String()
	case key == "span":
		have = r.record.SpanID().String()
	case key == "flags":
		have = strconv.Itoa(int(r.record.Flags()))
	case key == "body":
		have = r.record.Body().AsString()
	case key == "any":
		text, _ := json.Marshal(attrs)
		have = r.record.SeverityText() + " " + r.record.Body().AsString() + string(text)
	case strings.HasPrefix(key, "attrjson."):
		text, _ := json.Marshal(attrs[key[len("attrjson."):]])
		have = string(text)
	case strings.HasPrefix(key, "attr."):
		if v, ok := r.record.Attributes().Get(key[len("attr."):]); ok {
			have = v.AsString()
		}
	case strings.HasPrefix(key, "res."):
		have = fmt.Sprint(r.resource[key[len("res."):]])
	default:
		require.Fail(t, "no field", key)
	}
	switch op {
	case "=":
		assert.Equal(t, want, have, "record %s: %s", place, key)
	case "~":
		assert.Contains(t, have, want, "record %s: %s", place, key)
	case "!":
		assert.NotContains(t, have, want, "record %s: %s", place, key)
	}
}
