// Package pm2corpus compares log records with what is known of the PM2 log files in
// testdata/pm2: every line that an application wrote, with its level, time and
// trace. Only tests use it.
package pm2corpus

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

// Expected is one line of FILE.expect.jsonl. README.md of the corpus explains the
// fields.
type Expected struct {
	N         int             `json:"n"`
	Stream    string          `json:"stream"`
	ProcessID *int64          `json:"process_id"`
	Line      string          `json:"line"`
	SHA256    string          `json:"line_sha256"`
	AsPM2     *string         `json:"as_pm2"`
	AsPM2SHA  string          `json:"as_pm2_sha256"`
	Pieces    []string        `json:"pieces"`
	Level     json.RawMessage `json:"level"`
	TS        json.RawMessage `json:"ts"`
	TraceID   string          `json:"trace_id"`
	SpanID    string          `json:"span_id"`
	PM2TS     string          `json:"pm2_ts"`
	Flags     []string        `json:"flags"`
}

// Got is a record as a receiver made it.
type Got struct {
	Line      string
	Stream    string
	ProcessID *int64
	Severity  plog.SeverityNumber
	Level     string
	Timestamp time.Time
	TraceID   string
	SpanID    string
}

// Report is the outcome of a comparison.
type Report struct {
	Exact, AsPM2LeftIt, Glued int
	Wrong, Missing, Extra     int
	// First holds the first few differences.
	First []string
}

// OK says whether every line is there once and right.
func (r Report) OK() bool { return r.Wrong+r.Missing+r.Extra == 0 }

// Files lists the log files of the corpus in dir.
func Files(dir string) ([]string, error) {
	expects, err := filepath.Glob(filepath.Join(dir, "*.log.expect.jsonl"))
	for i := range expects {
		expects[i] = strings.TrimSuffix(expects[i], ".expect.jsonl")
	}
	if err == nil && len(expects) == 0 {
		err = fmt.Errorf("no *.log.expect.jsonl in %s", dir)
	}
	return expects, err
}

var textFile = regexp.MustCompile(`-(text|time)-(out|error)\.log$`)

// Load reads what is expected of a log file.
func Load(logFile string) ([]Expected, error) {
	data, err := os.ReadFile(logFile + ".expect.jsonl")
	if err != nil {
		return nil, err
	}
	var all []Expected
	for line := range bytes.Lines(data) {
		var e Expected
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%s: %w", logFile, err)
		}
		if !textFile.MatchString(logFile) {
			all = append(all, e)
			continue
		}
		// In text files only the order of the lines tells whose they are.
		e.Stream, e.ProcessID = "", nil
		if e.Pieces == nil {
			all = append(all, e)
			continue
		}
		for _, piece := range e.Pieces {
			all = append(all, Expected{N: e.N, Line: piece, Flags: []string{"cut_by_pm2"}})
		}
	}
	return all, nil
}

// FromLogs takes the records out of logs, in order per resource. The line is
// log.record.original if the record has it, else the body.
func FromLogs(all ...plog.Logs) (got []Got) {
	for _, logs := range all {
		for _, rl := range logs.ResourceLogs().All() {
			var id *int64
			if v, ok := rl.Resource().Attributes().Get("pm2.process.id"); ok {
				n := v.Int()
				id = &n
			}
			for _, sl := range rl.ScopeLogs().All() {
				for _, rec := range sl.LogRecords().All() {
					g := Got{Line: rec.Body().AsString(), ProcessID: id, Severity: rec.SeverityNumber(), Level: rec.SeverityText()}
					if v, ok := rec.Attributes().Get("log.record.original"); ok {
						g.Line = v.Str()
					}
					if v, ok := rec.Attributes().Get("log.iostream"); ok {
						g.Stream = v.Str()
					}
					if rec.Timestamp() != 0 {
						g.Timestamp = rec.Timestamp().AsTime()
					}
					if !rec.TraceID().IsEmpty() {
						g.TraceID = rec.TraceID().String()
					}
					if !rec.SpanID().IsEmpty() {
						g.SpanID = rec.SpanID().String()
					}
					got = append(got, g)
				}
			}
		}
	}
	return got
}

// Check compares the records of one log file with what is expected of it. Records
// are compared in their order per process and stream. A line that PM2 damaged is
// accepted as PM2 left it. An unterminated last line of a process may come alone or
// glued to the next process's first: nothing in the file tells them apart.
func Check(logFile string, expected []Expected, got []Got) Report {
	if textFile.MatchString(logFile) {
		got = slices.Clone(got)
		for i := range got {
			got[i].Stream, got[i].ProcessID = "", nil
		}
	}
	var r Report
	e, g := map[string][]Expected{}, map[string][]Got{}
	keys := map[string]bool{}
	for _, x := range expected {
		id := x.ProcessID
		if slices.Contains(x.Flags, "raw") {
			id = nil
		}
		k := key(id, x.Stream)
		keys[k] = true
		e[k] = append(e[k], x)
	}
	for _, x := range got {
		k := key(x.ProcessID, x.Stream)
		keys[k] = true
		g[k] = append(g[k], x)
	}
	for k := range keys {
		r.compare(k, e[k], g[k])
	}
	return r
}

func key(id *int64, stream string) string {
	if id == nil {
		return "-|" + stream
	}
	return fmt.Sprintf("%d|%s", *id, stream)
}

func (r *Report) compare(key string, e []Expected, g []Got) {
	const window = 50
	i, j := 0, 0
	for i < len(e) && j < len(g) {
		if e[i].is(g[j].Line) {
			if problem := e[i].fields(g[j]); problem != "" {
				r.Wrong++
				r.note(key, e[i], g[j].Line, problem)
			} else if e[i].AsPM2 != nil || e[i].AsPM2SHA != "" {
				r.AsPM2LeftIt++
			} else {
				r.Exact++
			}
			i++
			j++
			continue
		}
		if e[i].open() && i+1 < len(e) && g[j].Line == e[i].text()+e[i+1].text() {
			r.Glued++
			i += 2
			j++
			continue
		}
		a := slices.IndexFunc(e[i:min(i+window, len(e))], func(x Expected) bool { return x.is(g[j].Line) })
		b := slices.IndexFunc(g[j:min(j+window, len(g))], func(x Got) bool { return e[i].is(x.Line) })
		r.note(key, e[i], g[j].Line, "line")
		switch {
		case a > 0 && (b < 0 || a <= b):
			r.Missing += a
			i += a
		case b > 0:
			r.Extra += b
			j += b
		default:
			r.Wrong++
			i++
			j++
		}
	}
	for _, x := range e[i:] {
		r.note(key, x, "", "missing")
	}
	for _, x := range g[j:] {
		r.note(key, Expected{N: -1}, x.Line, "extra")
	}
	r.Missing += len(e) - i
	r.Extra += len(g) - j
}

func (r *Report) note(key string, e Expected, got, what string) {
	if len(r.First) < 8 {
		r.First = append(r.First, fmt.Sprintf("%s n=%d %s: expected %.160q, got %.160q", key, e.N, what, e.text(), got))
	}
}

func (e *Expected) text() string {
	if e.AsPM2 != nil {
		return *e.AsPM2
	}
	return e.Line
}

func (e *Expected) is(line string) bool {
	switch {
	case e.AsPM2 != nil:
		return line == *e.AsPM2
	case e.AsPM2SHA != "":
		return digest(line) == e.AsPM2SHA
	case e.SHA256 != "":
		return digest(line) == e.SHA256
	}
	return line == e.Line
}

func digest(line string) string {
	sum := sha256.Sum256([]byte(line))
	return hex.EncodeToString(sum[:])
}

// open says whether nothing marks the end of the line.
func (e *Expected) open() bool {
	return slices.ContainsFunc(e.Flags, func(f string) bool {
		return f == "unterminated" || f == "cut_by_pm2" || f == "newline_lost_by_pm2"
	})
}

// fields compares everything but the line.
func (e *Expected) fields(g Got) string {
	if slices.Contains(e.Flags, "cut_by_pm2") {
		return "" // what is left of the line does not say
	}
	if e.SHA256 != "" && e.Level == nil {
		return "" // of lines this long the corpus keeps only the digest
	}
	if problem := e.level(g); problem != "" {
		return problem
	}
	want, err := e.time()
	if err != nil {
		return err.Error()
	}
	if !want.Equal(g.Timestamp) {
		return fmt.Sprintf("time %v, want %v", g.Timestamp, want)
	}
	if e.TraceID != g.TraceID {
		return fmt.Sprintf("trace_id %q, want %q", g.TraceID, e.TraceID)
	}
	// notifier.js told only its trace id.
	if e.SpanID != g.SpanID && (e.SpanID != "" || e.TraceID == "") {
		return fmt.Sprintf("span_id %q, want %q", g.SpanID, e.SpanID)
	}
	return ""
}

func (e *Expected) level(g Got) string {
	var level any
	if e.Level != nil {
		if err := json.Unmarshal(e.Level, &level); err != nil {
			return err.Error()
		}
	}
	var number plog.SeverityNumber
	var text string
	switch l := level.(type) {
	case float64:
		number, _ = severity.FromLevel(l)
		text = severity.LevelName(l)
	case string:
		number, _ = severity.FromText(l)
		text = l
	}
	if number != g.Severity || text != g.Level {
		return fmt.Sprintf("level %q (%d), want %q (%d)", g.Level, g.Severity, text, number)
	}
	return ""
}

// time is the application's time, else PM2's. Times without a zone are UTC.
func (e *Expected) time() (time.Time, error) {
	text := e.PM2TS
	if e.TS != nil {
		if n, err := strconv.ParseInt(string(e.TS), 10, 64); err == nil {
			for n > 0 && n < 1e17 { // seconds, milliseconds, microseconds
				n *= 1000
			}
			return time.Unix(0, n), nil
		}
		if err := json.Unmarshal(e.TS, &text); err != nil {
			return time.Time{}, err
		}
	}
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.000 -07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05.000"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("no layout for time %q", text)
}
