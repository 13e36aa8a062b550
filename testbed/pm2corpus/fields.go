// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2corpus

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

// Fields are the level, time and trace context of a line, as a log agent read them.
type Fields struct {
	Severity     plog.SeverityNumber
	SeverityText string    // the logger's own word, where it has one
	Normalized   bool      // SeverityText is one of the six words of the data model instead
	Time         time.Time // zero: none
	TraceID      string    // lower-case hex; empty: none
	SpanID       string
}

// fields compares what was read out of a line that arrived.
func (r *Result) fields(e *Expected, g *Line) {
	faults := e.faults(g)
	if len(faults) == 0 {
		return
	}
	r.BadFields++
	r.fault("line %d, %s: %s", e.N, quote(e.head()), strings.Join(faults, "; "))
}

// faults returns what differs, in words.
func (e *Expected) faults(g *Line) []string {
	var faults []string
	differ := func(what string, want, got any) {
		if want != got {
			faults = append(faults, fmt.Sprintf("%s: want %v, got %v", what, want, got))
		}
	}
	if e.text && g.Stream != "" {
		differ("stream", e.Stream, g.Stream)
	}
	if g.Fields == nil || e.silent() {
		return faults
	}
	number, word := e.severity()
	if g.Fields.Normalized {
		word = severity.Name(number)
	}
	differ("severity number", number, g.Fields.Severity)
	differ("severity text", word, g.Fields.SeverityText)
	differ("trace ID", e.TraceID, g.Fields.TraceID)
	if e.SpanID != "" || e.TraceID == "" { // notifier.js logs only its trace ID
		differ("span ID", e.SpanID, g.Fields.SpanID)
	}
	stamp, err := e.time()
	if err != nil {
		return append(faults, err.Error())
	}
	if !stamp.Equal(g.Fields.Time) {
		differ("time", stamp.UTC().Format(time.RFC3339Nano), g.Fields.Time.UTC().Format(time.RFC3339Nano))
	}
	return faults
}

// silent reports whether the expectation does not have the fields of the line: it is a piece of one, or so long that only its digest is kept.
func (e *Expected) silent() bool {
	return e.piece || e.Has("cut_by_pm2") || e.LineSHA256 != "" && e.Level == nil
}

// severity returns the number and the text of the logger's level.
func (e *Expected) severity() (n plog.SeverityNumber, word string) {
	switch l := e.Level.(type) {
	case json.Number:
		if f, err := l.Float64(); err == nil {
			n, _ = severity.FromLevel(f)
			word = severity.LevelName(f)
		}
	case string:
		n, _ = severity.FromText(l)
		word = l
	case nil:
		n, word = e.textLevel()
	}
	return n, word
}

// time returns the logger's time, else PM2's, else none.
func (e *Expected) time() (time.Time, error) {
	text := e.PM2TS
	if own := e.textTime(); own != "" {
		text = own
	}
	switch ts := e.TS.(type) {
	case json.Number:
		n, err := strconv.ParseInt(ts.String(), 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("time of the expectation: %w", err)
		}
		switch { // seconds, milliseconds or nanoseconds since 1970, whichever is near our days
		case n < 1e11:
			return time.Unix(n, 0), nil
		case n < 1e14:
			return time.UnixMilli(n), nil
		}
		return time.Unix(0, n), nil
	case string:
		text = ts
	}
	if text == "" {
		return time.Time{}, nil
	}
	// The corpus' times without a zone are UTC.
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05.000", "2006-01-02 15:04:05.000 -07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("time of the expectation: no layout for %q", text)
}
