// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2corpus"
)

const corpusDir = "../../../../testdata/pm2"

var clock = time.Date(2026, 12, 31, 3, 0, 0, 0, time.UTC)

func settings(file string) Settings {
	return Settings{
		Lines: lines.Settings{
			MaxLine: 2 << 20, Location: time.UTC, App: "app", ProcessID: envelope.NoProcess, Stderr: strings.Contains(file, "-error"),
		},
		Log:      applog.Settings{JSON: true, Location: time.UTC},
		Original: true,
		Host:     "web-01",
		Scope:    "pm2",
		Arenas:   &arena.Pool{Overwrite: true}, // nothing may refer to the text of a block
	}
}

// decodeFile decodes a file in blocks of whole lines of about size bytes, and takes
// the decoder through its state between any two.
func decodeFile(t testing.TB, set Settings, file string, size int) []plog.Logs {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return decodeAll(set, filepath.Base(file), data, size)
}

func decodeAll(set Settings, name string, data []byte, size int) (all []plog.Logs) {
	src := Source{ID: 1, Name: name}
	d := New(set, State{})
	for offset := 0; offset < len(data); {
		end := min(offset+size, len(data))
		if nl := bytes.IndexByte(data[end-1:], '\n'); nl >= 0 {
			end += nl
		} else {
			end = len(data)
		}
		block := bytes.Clone(data[offset:end])
		logs, _ := d.Decode(block, src, int64(offset), clock, nil)
		clear(block) // nothing may point into the block
		all = append(all, logs)
		offset = end
		d = New(set, d.State())
	}
	logs, _ := d.Flush(src, clock, true)
	return append(all, logs)
}

func TestDecoder_GivesExactlyTheExpectedLines(t *testing.T) {
	files, err := pm2corpus.Files(corpusDir)
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			expected, err := pm2corpus.Load(file)
			require.NoError(t, err)
			for _, size := range []int{1, 1 << 10, 32 << 10, 16 << 20} {
				got := decodeFile(t, settings(file), file, size)
				result := pm2corpus.Compare(expected, pm2corpus.FromLogs(got...))
				assert.True(t, result.OK(), "blocks of %d: %s", size, result.String())
				requireValid(t, got)
			}
		})
	}
}

func TestDecoder_GivesEveryLineAUIDOfItsOwn(t *testing.T) {
	files, err := pm2corpus.Files(corpusDir)
	require.NoError(t, err)
	for _, file := range files {
		var want []string
		for _, size := range []int{16 << 20, 1} {
			var uids []string
			seen := map[string]bool{}
			each(decodeFile(t, settings(file), file, size), func(rec plog.LogRecord) {
				uid, ok := rec.Attributes().Get("log.record.uid")
				require.True(t, ok)
				require.False(t, seen[uid.Str()], "%s twice in %s", uid.Str(), file)
				seen[uid.Str()] = true
				uids = append(uids, uid.Str())
			})
			if want != nil {
				assert.ElementsMatch(t, want, uids, "the uid must not depend on the blocks: %s", file)
			}
			want = uids
		}
	}
}

func each(all []plog.Logs, f func(plog.LogRecord)) {
	for _, logs := range all {
		for _, rl := range logs.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, rec := range sl.LogRecords().All() {
					f(rec)
				}
			}
		}
	}
}

// requireValid checks that every string of the records is UTF-8.
func requireValid(t testing.TB, all []plog.Logs) {
	var value func(pcommon.Value)
	fields := func(m pcommon.Map) {
		for k, v := range m.All() {
			require.True(t, utf8.ValidString(k), "%q", k)
			value(v)
		}
	}
	value = func(v pcommon.Value) {
		switch v.Type() {
		case pcommon.ValueTypeMap:
			fields(v.Map())
		case pcommon.ValueTypeSlice:
			for _, x := range v.Slice().All() {
				value(x)
			}
		case pcommon.ValueTypeStr:
			require.True(t, utf8.ValidString(v.Str()), "%q", v.Str())
		}
	}
	for _, logs := range all {
		for _, rl := range logs.ResourceLogs().All() {
			fields(rl.Resource().Attributes())
		}
	}
	each(all, func(rec plog.LogRecord) {
		value(rec.Body())
		fields(rec.Attributes())
		require.True(t, utf8.ValidString(rec.SeverityText()), "%q", rec.SeverityText())
	})
}

func BenchmarkDecoder(b *testing.B) {
	for _, name := range []string{"orders-api-out.log", "billing-out.log", "catalog-out.log", "notifier-out.log", "web-out.log", "legacy-out.log", "burst-out.log"} {
		for _, join := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/join=%t", name, join), func(b *testing.B) {
				data, err := os.ReadFile(filepath.Join(corpusDir, name))
				require.NoError(b, err)
				set := settings(name)
				set.Original, set.Join = false, join
				records := 0
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					d := New(set, State{})
					for offset := 0; offset < len(data); {
						end := min(offset+64<<10, len(data))
						end += bytes.IndexByte(data[end-1:], '\n')
						_, stats := d.Decode(data[offset:end], Source{ID: 1, Name: name}, int64(offset), clock, nil)
						records += stats.Records
						offset = end
					}
				}
				b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
				b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(records), "ns/record")
			})
		}
	}
}
