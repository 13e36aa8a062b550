// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

func TestDecoder_HandsOutARecordOfManyLinesInBoundedBatches(t *testing.T) {
	const count = 100_000
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "%d\n", i)
	}
	message, _ := json.Marshal(text.String())
	block := fmt.Appendf(nil, `{"message":%s,"timestamp":"2026-11-21T02:08:36Z","type":"out","process_id":0,"app_name":"a"}`+"\n", message)

	d := New(Settings{Lines: lines.Settings{MaxLine: 1 << 20, Location: time.UTC}, Join: true}, State{})
	uids, next := map[string]bool{}, 0
	take := func(logs plog.Logs) {
		assert.LessOrEqual(t, logs.LogRecordCount(), maxRecords)
		for _, rl := range logs.ResourceLogs().All() {
			name, _ := rl.Resource().Attributes().Get("service.name")
			assert.Equal(t, "a", name.Str())
			for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
				if rec.Body().Str() != fmt.Sprint(next) {
					t.Fatalf("want %d, got %s", next, rec.Body().Str())
				}
				uid, _ := rec.Attributes().Get(attributeUID)
				uids[uid.Str()] = true
				next++
			}
		}
	}
	logs, stats := d.Decode(block, Source{ID: 1, Name: "a-out.log"}, 0, clock, take)
	take(logs)
	rest, _ := d.Flush(Source{ID: 1, Name: "a-out.log"}, clock, true)
	take(rest)
	assert.Equal(t, count, next)
	assert.Len(t, uids, count)
	assert.InDelta(t, count, stats.Records, 1)
}

func TestDecoder_BoundsTheTextOfABatch(t *testing.T) {
	block := []byte(strings.Repeat(strings.Repeat("x", 999)+"\n", 16_000))
	d := New(Settings{Lines: lines.Settings{MaxLine: 1 << 20, Location: time.UTC}}, State{})
	batches := 0
	logs, stats := d.Decode(block, Source{ID: 1}, 0, clock, func(logs plog.Logs) {
		batches++
		assert.LessOrEqual(t, logs.LogRecordCount(), maxText/999+1)
	})
	assert.Equal(t, 15, batches)
	assert.Positive(t, logs.LogRecordCount())
	assert.Equal(t, 16_000, stats.Records)
}

func TestDecoder_CountsOnlyLinesOutsidePM2sRecords(t *testing.T) {
	record := `{"message":"one\n","timestamp":"2026-11-21T02:08:36Z","type":"err","process_id":0,"app_name":"a"}` + "\n"
	for block, want := range map[string]int{
		"text\nof a file\nwithout records\n": 0,
		record:                               0,
		record + "Error: raw\n    at f (a.js:1:2)\n" + record: 2,
		record + strings.Repeat("x", 2500) + "\n":             1,
	} {
		d := New(Settings{Lines: lines.Settings{MaxLine: 1000, Location: time.UTC, ProcessID: envelope.NoProcess}}, State{})
		_, stats := d.Decode([]byte(block), Source{ID: 1}, 0, clock, nil)
		assert.Equal(t, want, stats.Raw, block)
	}
}
