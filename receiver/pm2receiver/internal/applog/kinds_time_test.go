// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

// readAt is when the lines of these tests are read.
var readAt = time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)

// parseAt parses a line to which PM2 gave a time, or the zero time if it gave none.
func parseAt(p *Parser, line string, written time.Time) plog.LogRecord {
	rec := plog.NewLogRecord()
	rec.SetObservedTimestamp(pcommon.NewTimestampFromTime(readAt))
	if !written.IsZero() {
		rec.SetTimestamp(pcommon.NewTimestampFromTime(written))
	}
	p.Parse([]byte(line), []byte(line), rec, slab.New(slab.Usage{}))
	return rec
}

func newParser() *Parser { return New(Settings{JSON: true, Strip: true, Location: time.UTC}) }

func weakTimes() (names []string) {
	for _, r := range rows[1:] {
		if r.role == roleTime && r.weak {
			names = append(names, r.name)
		}
	}
	return names
}

func TestTime_WeakFieldsAreTheRecordsOnlyIfPlausible(t *testing.T) {
	own := readAt.Add(-time.Hour)
	for _, name := range weakTimes() {
		numbers := []bool{true}
		if rows[known.of([]byte(name))].kind != kindNumber {
			numbers = append(numbers, false)
		}
		for _, number := range numbers {
			value := func(at time.Time) string {
				if number {
					return fmt.Sprintf("%d.25", at.Unix())
				}
				return `"` + at.Add(250*time.Millisecond).Format(time.RFC3339Nano) + `"`
			}
			for _, c := range []struct {
				what    string
				at      time.Time
				written time.Time
				rest    string
				want    bool
			}{
				{"beside PM2's time", own, own.Add(time.Second), `,"level":"info","msg":"m"`, true},
				{"beside PM2's time, of data", own, own.Add(time.Second), `,"total":5`, true},
				{"a day before PM2's", own.AddDate(0, 0, -1), own, `,"level":"info","msg":"m"`, false},
				{"years before PM2's", own.AddDate(-8, 0, 0), own, `,"level":"info","msg":"m"`, false},
				{"after PM2's", own.AddDate(0, 6, 0), own, `,"orderId":5`, false},
				{"without PM2's", own.AddDate(0, 0, -3), time.Time{}, `,"level":"info"`, true},
				{"without PM2's, with a message", own.AddDate(0, 0, -3), time.Time{}, `,"message":"m"`, true},
				{"without PM2's, of data", own.AddDate(0, 0, -3), time.Time{}, `,"total":5`, false},
				{"without PM2's, years before", own.AddDate(-7, 0, 0), time.Time{}, `,"level":"info","msg":"m"`, false},
				{"without PM2's, in the future", own.AddDate(0, 1, 0), time.Time{}, `,"level":"info","msg":"m"`, false},
				{"beside a strong field", own.AddDate(0, 0, -2), time.Time{}, `,"level":"info","time":"2026-11-21T13:00:00.5Z"`, false},
			} {
				line := `{"` + name + `":` + value(c.at) + c.rest + `}`
				rec := parseAt(newParser(), line, c.written)
				_, kept := rec.Attributes().Get(name)
				assert.Equal(t, !c.want, kept, "%s: %s", c.what, line)
				got := rec.Timestamp().AsTime()
				switch {
				case c.want:
					assert.Equal(t, c.at.Add(250*time.Millisecond), got, "%s: %s", c.what, line)
				case strings.Contains(c.rest, `"time"`):
					assert.Equal(t, "2026-11-21T13:00:00.5Z", got.Format(time.RFC3339Nano), line)
				case c.written.IsZero():
					assert.Zero(t, rec.Timestamp(), "%s: %s", c.what, line)
				default:
					assert.Equal(t, c.written, got, "%s: %s", c.what, line)
				}
			}
		}
		line := `{"level":"info","msg":"m","` + name + `":"2026-11-20T00:00:00Z"}`
		rec := parseAt(newParser(), line, time.Time{})
		assert.Zero(t, rec.Timestamp(), "a midnight is a date: %s", line)
		assert.Equal(t, "2026-11-20T00:00:00Z", rec.Attributes().AsRaw()[name], line)
	}
}

func TestTime_LogfmtTakesTheStrongestAndKeepsTheOthers(t *testing.T) {
	strong := []string{"time", "timestamp", "ts", "@timestamp", "asctime", "logtime"}
	for _, first := range strong {
		for _, name := range weakTimes() {
			for _, value := range []string{"2020-01-01T10:00:00Z", "2026-11-19T10:00:00Z", "1763730000"} {
				own, other := first+"=2026-11-21T13:08:36.5Z", name+"="+value
				for _, line := range []string{
					own + ` level=info msg="certificate issued" ` + other,
					`level=info ` + other + ` msg="certificate issued" ` + own,
				} {
					rec := parseAt(newParser(), line, time.Time{})
					assert.Equal(t, "2026-11-21T13:08:36.5Z", rec.Timestamp().AsTime().Format(time.RFC3339Nano), line)
					got, _ := rec.Attributes().Get(name)
					assert.Equal(t, value, got.AsString(), line)
				}
			}
		}
	}
	rec := parseAt(newParser(), `level=info msg=hi date=2026-11-21T13:08:36.5Z`, time.Time{})
	assert.Equal(t, "2026-11-21T13:08:36.5Z", rec.Timestamp().AsTime().Format(time.RFC3339Nano))
	rec = parseAt(newParser(), `level=info msg=hi duration=12 ts=12`, time.Time{})
	assert.Zero(t, rec.Timestamp())
	assert.Equal(t, map[string]any{"duration": int64(12), "ts": int64(12)}, rec.Attributes().AsRaw())
	rec = parseAt(newParser(), `severity=INFO message=hi timestampSeconds=1795266516 timestampNanos=735000000`, time.Time{})
	assert.Equal(t, int64(1795266516735000000), int64(rec.Timestamp()))
	assert.Empty(t, rec.Attributes().AsRaw())
}

func TestTime_ObjectsKeepWhatIsNotTheTime(t *testing.T) {
	for line, want := range map[string]map[string]any{
		`{"msg":"m","time":{"timestamp":"2026-11-21T13:08:36Z","by":"bob","queue":5}}`:     {"time": map[string]any{"timestamp": "2026-11-21T13:08:36Z", "by": "bob", "queue": int64(5)}},
		`{"msg":"m","timestamp":{"seconds":1795266516,"nanos":5,"zone":"Mars"}}`:           {"timestamp": map[string]any{"seconds": int64(1795266516), "nanos": int64(5), "zone": "Mars"}},
		`{"msg":"m","time":{"$date":"2026-11-21T13:08:36Z","note":"n"}}`:                   {"time": map[string]any{"$date": "2026-11-21T13:08:36Z", "note": "n"}},
		`{"msg":"m","timestamp":{"seconds":1795266516,"nanos":5}}`:                         {},
		`{"msg":"m","time":{"$date":"2026-11-21T13:08:36Z"}}`:                              {},
		`{"msg":"m","instant":{"epochSecond":1795266516,"nanoOfSecond":735000000}}`:        {},
		`{"msg":"m","timestamp":{"seconds":1795266516,"seconds":"later"},"timestamp":"x"}`: nil,
	} {
		rec := parseAt(newParser(), line, time.Time{})
		if want == nil {
			assert.Equal(t, "m", rec.Body().AsString(), line)
			continue
		}
		assert.NotZero(t, rec.Timestamp(), line)
		assert.Equal(t, want, rec.Attributes().AsRaw(), line)
	}
}
