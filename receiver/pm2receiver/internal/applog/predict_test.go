// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

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

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

// parsed returns what a parser makes of a line, as JSON.
func parsed(t testing.TB, p *Parser, line []byte) string {
	logs := plog.NewLogs()
	rec := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	rec.SetObservedTimestamp(pcommon.NewTimestampFromTime(fuzzNow))
	p.Parse(line, line, rec, slab.New(slab.Usage{}))
	p.Release()
	text, err := (&plog.JSONMarshaler{}).MarshalLogs(logs)
	require.NoError(t, err)
	return string(text)
}

// requireSame parses lines with one parser and each with a new one, which has nothing
// of the others but what belongs to the checkpoint.
func requireSame(t testing.TB, lines [][]byte) {
	set := Settings{JSON: true, Strip: true, Location: time.UTC}
	one := New(set)
	for _, line := range lines {
		if !utf8.Valid(line) {
			continue
		}
		fresh := New(set)
		fresh.Remember(one.Memory())
		want := parsed(t, fresh, line)
		if got := parsed(t, one, line); got != want {
			t.Fatalf("%q\nis, after other lines: %s\nand alone:            %s", line, got, want)
		}
	}
}

func TestParser_PredictedNamesChangeNothing(t *testing.T) {
	files, err := filepath.Glob("../../../../testdata/*/*")
	require.NoError(t, err)
	count := 0
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.IsDir() {
			continue
		}
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var lines [][]byte
		for line := range bytes.Lines(data) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			lines = append(lines, line)
			if rec, ok := envelope.Parse(line, slab.New(slab.Usage{}).Text); ok {
				lines = append(lines, bytes.Split(bytes.TrimSuffix(rec.Message, []byte("\n")), []byte("\n"))...)
			}
			if len(lines) > 2000 {
				break
			}
		}
		requireSame(t, lines)
		count += len(lines)
	}
	assert.Greater(t, count, 10_000)
}

func TestParser_PredictedNamesChangeNothingWhenThereAreMany(t *testing.T) {
	var lines [][]byte
	for i := range 2 * maxUnknown {
		// More names than are remembered, some twice in a line, some nested.
		lines = append(lines, fmt.Appendf(nil, `{"level":30,"k%d":1,"a":"x","k%d":2,"o":{"k%d":3,"a":4,"a":"last"},"a":%d,"long%s":1,"spaced" : 1,"esc\u0061ped":1,"msg":"m%d"}`,
			i%100, i%100, i%90, i, strings.Repeat("g", i%100), i))
		if i > 200 && i < maxUnknown/2 {
			lines = lines[:len(lines)-1]
		}
	}
	requireSame(t, lines)
}

func TestKeyPredictor_IsBounded(t *testing.T) {
	p := New(Settings{JSON: true, Location: time.UTC})
	full := 0
	for i := range 3 * maxUnknown {
		parsed(t, p, fmt.Appendf(nil, `{"k%d":1}`, i))
		assert.LessOrEqual(t, len(p.w.keys.nodes), maxNodes)
		if len(p.w.keys.nodes) == maxNodes {
			full++
		}
	}
	assert.Positive(t, full)
	assert.Less(t, full, 3*maxUnknown-maxNodes-1, "a full memory must be emptied when it no longer helps")
	for range 10 {
		parsed(t, p, []byte(`{"level":30,"msg":"m"}`))
	}
	assert.NotNil(t, p.w.keys.nodes)
}

func FuzzParser_EarlierLinesChangeNothing(f *testing.F) {
	f.Add("{\"level\":30,\"a\":1,\"msg\":\"m\"}\n{\"level\":30,\"b\":1,\"msg\":\"m\"}\n{\"level\":30,\"a\":1,\"a\":2,\"msg\":\"m\"}")
	f.Add("{\"err\":{\"type\":\"E\",\"message\":\"m\",\"stack\":\"E: m\\n    at f (a.js:1:2)\",\"code\":1}}\n{\"err\":{\"message\":\"m\"},\"err\":1}")
	f.Add("{\"@fields\":{\"a\":1,\"level\":\"warn\"},\"a\":2}\n{\"a\":2,\"@fields\":{\"a\":1}}\n{\"@fields\":{\"a\":1},\"a\":3,\"a\":4}")
	f.Fuzz(func(t *testing.T, text string) {
		requireSame(t, bytes.Split([]byte(strings.ToValidUTF8(text, "\uFFFD")), []byte("\n")))
	})
}

func TestKinds_AreOfKnownWords(t *testing.T) {
	for _, word := range append(strongWords[:], weakWords[:]...) {
		assert.NotZero(t, severity.Find(word), word)
	}
	assert.Zero(t, kinds[0])
	assert.True(t, strong([]byte("WARNING")))
	assert.False(t, strong([]byte("http")))
	assert.True(t, isLevel([]byte("http")))
	assert.False(t, isLevel([]byte("hello")))
}

func TestKeyPredictor_ExpectsTheSizeOfAName(t *testing.T) {
	var p keyPredictor
	p.setSize(0, 9)
	assert.Zero(t, p.sizeOf(0), "a name that is not known")

	p.begin()
	node := p.learn([]byte(`"req":{`), []byte("req"))
	require.NotZero(t, node)
	assert.Zero(t, p.sizeOf(node))
	p.setSize(node, 6)
	assert.Equal(t, 6, p.sizeOf(node))
	p.setSize(node, 2)
	assert.Equal(t, 5, p.sizeOf(node), "it falls slowly")
	p.setSize(node, 500)
	assert.Equal(t, maxSize, p.sizeOf(node))
}
