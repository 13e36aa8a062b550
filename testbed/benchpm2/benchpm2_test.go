// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

func TestInflate_CountsWhatItWrites(t *testing.T) {
	texts, err := records("../../testdata/pm2")
	require.NoError(t, err)
	dir := t.TempDir()
	m, err := inflate(dir, texts, 1<<20)
	require.NoError(t, err)
	var want manifest
	for _, name := range loggers {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		want.bytes += int64(len(data))
		want.lines += int64(bytes.Count(data, []byte{'\n'}))
		for line := range bytes.Lines(data) {
			require.Equal(t, 1, strings.Count(pm2Message(t, line), "\n"), "a record of one line: %s", line)
		}
	}
	assert.Equal(t, want, m)
	assert.GreaterOrEqual(t, m.bytes, int64(1<<20))
}

func pm2Message(t *testing.T, line []byte) string {
	var rec struct {
		Message string `json:"message"`
		Type    string `json:"type"`
	}
	require.NoError(t, json.Unmarshal(line, &rec), "%s", line)
	require.Contains(t, []string{"out", "err"}, rec.Type)
	return rec.Message
}

func TestFeed_WritesAsManyLinesAsTheRateSays(t *testing.T) {
	dir := t.TempDir()
	f, err := newFeed(dir)
	require.NoError(t, err)
	before := time.Now().UnixNano()
	require.NoError(t, f.write(2000, 200*time.Millisecond))
	require.NoError(t, f.close())
	assert.EqualValues(t, 400, f.lines)
	seen := map[string]bool{}
	for _, name := range loggers {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		for line := range bytes.Lines(data) {
			var app struct {
				Trace   string `json:"trace_id"`
				Written int64  `json:"written"`
			}
			require.NoError(t, json.Unmarshal([]byte(pm2Message(t, line)), &app))
			assert.GreaterOrEqual(t, app.Written, before)
			seen[app.Trace] = true
		}
	}
	assert.Len(t, seen, 400)
}

func TestSink_CountsRecordsAndTheirAges(t *testing.T) {
	s, err := newSink()
	require.NoError(t, err)
	defer s.server.Close()
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	records.AppendEmpty()
	records.AppendEmpty().Attributes().PutInt(attributeWritten, time.Now().Add(-time.Hour).UnixNano())
	records.AppendEmpty().Attributes().PutDouble(attributeWritten, float64(time.Now().Add(-2*time.Hour).UnixNano()))
	body, err := plogotlp.NewExportRequestFromLogs(logs).MarshalProto()
	require.NoError(t, err)
	z, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	for want, data := range map[int][]byte{http.StatusOK: z.EncodeAll(body, nil), http.StatusBadRequest: body} {
		resp, err := http.Post(s.url, "application/x-protobuf", bytes.NewReader(data))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, want, resp.StatusCode)
	}
	assert.EqualValues(t, 3, s.records.Load())
	var r result
	require.Error(t, s.delays(3, &r), "one does not say when it was written")
	require.NoError(t, s.delays(2, &r))
	assert.InDelta(t, time.Hour.Milliseconds(), r.p50, 60_000)
	assert.InDelta(t, 2*time.Hour.Milliseconds(), r.longest, 60_000)
}

func TestMedian_TakesEachNumberByItself(t *testing.T) {
	m := median([]result{{cpu: 1, rss: 30, p99: 5}, {cpu: 3, rss: 10, p99: 6}, {cpu: 2, rss: 20, p99: 4}})
	assert.Equal(t, result{cpu: 2, rss: 20, p99: 5}, m)
}
