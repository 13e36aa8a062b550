// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package envelope

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

func TestParse(t *testing.T) {
	got, ok := Parse([]byte(`{"message":"a \"line\"\nand half","timestamp":"2026-11-21T02:08:35.328Z","type":"err","process_id":12,"app_name":"orders-api"}`), arena.New(64))
	require.True(t, ok)
	assert.Equal(t, Record{
		Message: []byte("a \"line\"\nand half"), Timestamp: []byte("2026-11-21T02:08:35.328Z"),
		Stderr: true, ProcessID: 12, App: []byte("orders-api"),
	}, got)
}

func TestParse_AcceptsAnyOrderAndUnusualStrings(t *testing.T) {
	for line, want := range map[string]Record{
		`{"app_name":"a","process_id":0,"type":"out","message":"m","timestamp":"t"}`:                      {Message: []byte("m"), Timestamp: []byte("t"), App: []byte("a")},
		`{"message":"m","timestamp":"t","type":"out","process_id":3,"app_name":"b\u00fc"}`:                {Message: []byte("m"), Timestamp: []byte("t"), ProcessID: 3, App: []byte("bü")},
		`{"message":"m","timestamp":"t","type":"out","process_id":"_old_7","app_name":"a"}`:               {Message: []byte("m"), Timestamp: []byte("t"), ProcessID: 7, App: []byte("a")},
		`{"message":"m","timestamp":"t","type":"out","process_id":null,"app_name":"a"}`:                   {Message: []byte("m"), Timestamp: []byte("t"), ProcessID: NoProcess, App: []byte("a")},
		`{"message":"\ud800","timestamp":"t","type":"out","process_id":1,"app_name":"a"}`:                 {Message: []byte("\uFFFD"), Timestamp: []byte("t"), ProcessID: 1, App: []byte("a"), Repaired: true},
		"{\"message\":\"\xff\",\"timestamp\":\"t\",\"type\":\"out\",\"process_id\":1,\"app_name\":\"a\"}": {Message: []byte("\uFFFD"), Timestamp: []byte("t"), ProcessID: 1, App: []byte("a"), Repaired: true},
		"{\"message\":\"m\",\"timestamp\":\"t\",\"type\":\"out\",\"process_id\":1,\"app_name\":\"a\"}\r":  {Message: []byte("m"), Timestamp: []byte("t"), ProcessID: 1, App: []byte("a")},
		` {"message":"","timestamp":"Sa\u00b7","type":"PM2","process_id":1,"app_name":"a"} `:              {Message: []byte(""), Timestamp: []byte("Sa·"), Stderr: true, ProcessID: 1, App: []byte("a")},
	} {
		got, ok := Parse([]byte(line), arena.New(64))
		require.True(t, ok, line)
		assert.Equal(t, string(want.Message), string(got.Message), line)
		got.Message, want.Message = nil, nil
		assert.Equal(t, want, got, line)
	}
}

func TestParse_RejectsOtherObjects(t *testing.T) {
	for _, line := range []string{
		"", "Error: boom", "    at x (y.js:1:2)", "{}", `{"message":"m"}`, `[{"message":"m","process_id":1,"app_name":"a"}]`,
		`{"level":"warn","message":"m","timestamp":"t"}`, `{"message":1,"timestamp":"t","type":"out","process_id":1,"app_name":"a"}`,
		`{"message":"m","timestamp":"t","type":"out","process_id":1,"app_name":"a"} trailing`,
		// An application's own line, of which nothing may be lost.
		`{"level":"warn","message":"m","timestamp":"t","type":"out","process_id":1,"app_name":"a"}`,
		`{"message":"m","timestamp":"t","type":"out","process_id":1,"app_name":"a","extra":{"x":1}}`,
		`{"message":"m","timestamp":"t","type":"out","process_id":1,"app_name":"a"`,
		`{"message":"m\q","timestamp":"t","type":"out","process_id":1,"app_name":"a"}`,
	} {
		_, ok := Parse([]byte(line), arena.New(64))
		assert.False(t, ok, line)
	}
}

func corpus(f testing.TB) (lines [][]byte) {
	files, err := filepath.Glob("../../../../testdata/pm2/*.log")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		lines = append(lines, bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))...)
	}
	return lines
}

func TestParseFast_ReadsTheWholeCorpus(t *testing.T) {
	slow := 0
	for _, line := range corpus(t) {
		fast, ok := parseFast(line, arena.New(len(line)))
		want, wantOK := parseSlow(line)
		if wantOK && !ok {
			slow++
		}
		if ok {
			require.True(t, wantOK)
			require.Equal(t, string(want.Message), string(fast.Message))
		}
	}
	assert.Zero(t, slow, "records that PM2 wrote must not need the slow path")
}

func FuzzParse_AgreesWithEncodingJSON(f *testing.F) {
	for i, line := range corpus(f) {
		if i%37 == 0 && len(line) < 4096 {
			f.Add(line)
		}
	}
	f.Add([]byte(`{"message":"\ud800","timestamp":"","type":"err","process_id":1,"app_name":"\u0041"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		got, ok := Parse(line, arena.New(0))
		if fast, fastOK := parseFast(line, arena.New(0)); fastOK {
			want, wantOK := parseSlow(line)
			if !wantOK || string(want.Message) != string(fast.Message) || string(want.App) != string(fast.App) || string(want.Timestamp) != string(fast.Timestamp) ||
				want.ProcessID != fast.ProcessID || want.Stderr != fast.Stderr {
				t.Fatalf("%q: fast %+v, encoding/json %+v, %t", line, fast, want, wantOK)
			}
		}
		var object struct {
			Message   *string `json:"message"`
			Timestamp string  `json:"timestamp"`
		}
		if ok && (!utf8.Valid(got.Message) || !utf8.Valid(got.App) || !json.Valid(line) || json.Unmarshal(line, &object) != nil && got.Message == nil) {
			t.Fatalf("%q: %+v", line, got)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	lines := corpus(b)
	size := 0
	for _, l := range lines {
		size += len(l) + 1
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		a := arena.New(64 << 10)
		for _, l := range lines {
			Parse(l, a)
		}
	}
}

// An application may have keys of PM2's. What says which stream a line is of is PM2's.
func TestParse_LeavesObjectsOfApplicationsAlone(t *testing.T) {
	for _, line := range []string{
		`{"message":"hi","app_name":"x","process_id":7}`,
		`{"message":"hi","timestamp":"2026-11-21T02:08:36Z","app_name":"x","process_id":7}`,
		`{"message":"hi","timestamp":"2026-11-21T02:08:36Z","type":"order","process_id":7,"app_name":"x"}`,
		`{"message":"hi","timestamp":"2026-11-21T02:08:36Z","type":7,"process_id":7,"app_name":"x"}`,
	} {
		_, ok := Parse([]byte(line), &arena.Arena{})
		assert.False(t, ok, line)
	}
}
