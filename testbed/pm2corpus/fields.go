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

// Fields are what a log agent read out of a line, and the times it was given.
type Fields struct {
	Severity     plog.SeverityNumber
	SeverityText string
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
	if g.Fields == nil {
		return faults
	}
	logger := e.logger()
	if logger == unknown {
		return faults
	}
	var number plog.SeverityNumber
	stamp, known := parseTime(e.PM2TS)
	if logger == structured {
		number = severityOf(e.Level)
		differ("trace ID", e.TraceID, g.Fields.TraceID)
		differ("span ID", e.SpanID, g.Fields.SpanID)
		if own, ok := timeOf(e.TS); ok {
			stamp, known = own, true
		}
	}
	differ("severity number", number, g.Fields.Severity)
	differ("severity text", severity.Name(number), g.Fields.SeverityText)
	if known && !stamp.Equal(g.Fields.Time) {
		differ("time", stamp.UTC().Format(time.RFC3339Nano), g.Fields.Time.UTC().Format(time.RFC3339Nano))
	}
	return faults
}

// logging says how a line was made.
type logging int

const (
	unstructured logging = iota // text: nothing can be read out of it for sure
	structured                  // one JSON object
	unknown                     // too long to be in the expectations
)

func (e *Expected) logger() logging {
	line := e.left()
	switch {
	case e.LineSHA256 != "" && strings.HasPrefix(e.LineHead, "{"):
		return unknown
	case strings.HasPrefix(strings.TrimSpace(line), "{") && json.Valid([]byte(line)):
		return structured
	}
	return unstructured
}

func severityOf(level any) plog.SeverityNumber {
	var n plog.SeverityNumber
	switch l := level.(type) {
	case json.Number:
		if f, err := l.Float64(); err == nil {
			n, _ = severity.FromLevel(f)
		}
	case string:
		n, _ = severity.FromText(l)
	}
	return n
}

// timeOf reads a logger's own time.
func timeOf(ts any) (time.Time, bool) {
	switch v := ts.(type) {
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil {
			return time.Time{}, false
		}
		switch { // seconds, milliseconds or nanoseconds since 1970, whichever is near our days
		case n < 1e11:
			return time.Unix(n, 0), true
		case n < 1e14:
			return time.UnixMilli(n), true
		}
		return time.Unix(0, n), true
	case string:
		return parseTime(v)
	}
	return time.Time{}, false
}

// parseTime reads the formats of the corpus. Its zone-less times are UTC.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05.000", "2006-01-02 15:04:05.000 -07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
