// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2corpus

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

func ptr[T any](v T) *T { return &v }

// of makes the lines of process 0's standard output.
func of(texts ...string) []Line {
	lines := make([]Line, len(texts))
	for i, text := range texts {
		lines[i] = Line{Text: text, Stream: "stdout", ProcessID: ptr(0)}
	}
	return lines
}

func expect(texts ...string) []Expected {
	lines := make([]Expected, len(texts))
	for i, text := range texts {
		lines[i] = Expected{N: i, Line: text, Stream: "stdout", ProcessID: ptr(0)}
	}
	return lines
}

func TestCompare_CountsEachFault(t *testing.T) {
	want := expect("a", "b", "", "c", "d")
	for name, c := range map[string]struct {
		got  []Line
		want Result
	}{
		"nothing wrong":       {of("a", "b", "", "c", "d"), Result{Exact: 5}},
		"one missing":         {of("a", "", "c", "d"), Result{Exact: 4, Missing: 1}},
		"the blank missing":   {of("a", "b", "c", "d"), Result{Exact: 4, Missing: 1}},
		"last missing":        {of("a", "b", "", "c"), Result{Exact: 4, Missing: 1}},
		"all missing":         {nil, Result{Missing: 5}},
		"one twice":           {of("a", "b", "b", "", "c", "d"), Result{Exact: 5, Extra: 1}},
		"extra at the end":    {of("a", "b", "", "c", "d", "d"), Result{Exact: 5, Extra: 1}},
		"one wrong":           {of("a", "B", "", "c", "d"), Result{Exact: 4, Wrong: 1}},
		"mashed":              {of("a\nb", "", "c", "d"), Result{Exact: 3, Wrong: 1, Missing: 1}},
		"glued without cause": {of("ab", "", "c", "d"), Result{Exact: 3, Wrong: 1, Missing: 1}},
		"swapped":             {of("a", "", "b", "c", "d"), Result{Exact: 4, Missing: 1, Extra: 1}},
	} {
		r := Compare(want, c.got)
		assert.Equal(t, name == "nothing wrong", r.OK(), name)
		assert.Equal(t, r.OK(), len(r.Faults) == 0, name)
		c.want.Expected, c.want.Received, r.Faults = 5, len(c.got), nil
		assert.Equal(t, c.want, r, name)
	}
}

func TestCompare_KeepsProcessesAndStreamsApart(t *testing.T) {
	want := expect("a", "b")
	want[1].Stream, want[1].ProcessID = "stderr", ptr(1)
	got := of("b", "a") // in any order between streams
	got[0].Stream, got[0].ProcessID = "stderr", ptr(1)
	r := Compare(want, got)
	assert.True(t, r.OK(), r.String())

	got[0].ProcessID = ptr(0)
	r = Compare(want, got)
	assert.Equal(t, [2]int{1, 1}, [2]int{r.Missing, r.Extra}, r.String())
	got[0].ProcessID = nil
	r = Compare(want, got)
	assert.Equal(t, [2]int{1, 1}, [2]int{r.Missing, r.Extra}, r.String())
}

func TestCompare_RawLineIsOfNoProcess(t *testing.T) {
	want := expect("stack")
	want[0].Flags = []string{"raw"} // though the expectation knows whose it was
	r := Compare(want, of("stack"))
	assert.False(t, r.OK())
	got := of("stack")
	got[0].ProcessID = nil
	r = Compare(want, got)
	assert.True(t, r.OK(), r.String())
}

func TestCompare_OpenLineMayBeGlued(t *testing.T) {
	want := expect("tail", "head", "x")
	want[0].Flags = []string{"unterminated"}
	r := Compare(want, of("tailhead", "x"))
	assert.True(t, r.OK(), r.String())
	assert.Equal(t, [2]int{1, 1}, [2]int{r.Glued, r.Exact})
	r = Compare(want, of("tail", "head", "x"))
	assert.True(t, r.OK(), r.String())
	r = Compare(want, of("tail", "headx"))
	assert.False(t, r.OK(), "only what is open may be glued")
}

func TestCompare_TakesDamageAsPM2LeftIt(t *testing.T) {
	want := expect("a界b", "long")
	want[0].AsPM2 = ptr("a\uFFFD\uFFFDb")
	want[1].Line, want[1].LineSHA256 = "", digest("long")
	r := Compare(want, of("a\uFFFD\uFFFDb", "long"))
	assert.True(t, r.OK(), r.String())
	assert.Equal(t, [2]int{1, 1}, [2]int{r.AsPM2, r.Exact})
	r = Compare(want, of("a界b", "long"))
	assert.Equal(t, 1, r.Wrong, "the file does not have it")
	r = Compare(want, of("a\uFFFD\uFFFDb", "lon"))
	assert.Equal(t, 1, r.Wrong)
}

func TestCompare_Fields(t *testing.T) {
	right := Fields{Severity: plog.SeverityNumberWarn, SeverityText: "warn", TraceID: "5b", SpanID: "e4", Time: time.UnixMilli(1_700_000_000_000)}
	want := expect(`{"level":40,"msg":"x"}`)
	want[0].Level, want[0].TS, want[0].TraceID, want[0].SpanID = json.Number("40"), json.Number("1700000000000"), "5b", "e4"
	check := func(change func(*Fields)) Result {
		got := of(want[0].Line)
		f := right
		change(&f)
		got[0].Fields = &f
		return Compare(want, got)
	}
	r := check(func(*Fields) {})
	assert.True(t, r.OK(), r.String())
	for name, change := range map[string]func(*Fields){
		"number": func(f *Fields) { f.Severity++ },
		"text":   func(f *Fields) { f.SeverityText = "WARN" },
		"trace":  func(f *Fields) { f.TraceID = "" },
		"span":   func(f *Fields) { f.SpanID = "e5" },
		"time":   func(f *Fields) { f.Time = f.Time.Add(time.Millisecond) },
	} {
		r := check(change)
		assert.False(t, r.OK(), name)
		assert.Equal(t, 1, r.BadFields, name)
		assert.Len(t, r.Faults, 1, name)
	}

	for ts, when := range map[any]time.Time{
		json.Number("1700000000"):          right.Time,
		json.Number("1700000000000000000"): right.Time,
		"2023-11-14T22:13:20Z":             right.Time,
		"2023-11-14 22:13:20.000":          right.Time,
	} {
		want[0].TS = ts
		r := check(func(f *Fields) { f.Time = when })
		assert.True(t, r.OK(), "%v: %s", ts, r.String())
	}
	want[0].TS, want[0].PM2TS = nil, "2023-11-14 23:13:20.000 +01:00"
	r = check(func(*Fields) {})
	assert.True(t, r.OK(), "PM2's time is what is left: %s", r.String())

	want[0].Level = "http"
	r = check(func(f *Fields) { f.Severity, f.SeverityText = plog.SeverityNumberDebug3, "http" })
	assert.True(t, r.OK(), r.String())
	r = check(func(f *Fields) { f.Severity, f.SeverityText, f.Normalized = plog.SeverityNumberDebug3, "debug", true })
	assert.True(t, r.OK(), r.String())
	r = check(func(f *Fields) { f.Severity, f.SeverityText, f.Normalized = plog.SeverityNumberDebug3, "http", true })
	assert.False(t, r.OK())

	want[0] = Expected{Line: "plain", Stream: "stdout", ProcessID: ptr(0)}
	r = check(func(f *Fields) { *f = Fields{} })
	assert.True(t, r.OK(), r.String())
	for name, invented := range map[string]Fields{
		"level": {Severity: plog.SeverityNumberInfo}, "time": {Time: right.Time}, "trace": {TraceID: "5b"}, "span": {SpanID: "e4"},
	} {
		r = check(func(f *Fields) { *f = invented })
		assert.Equal(t, 1, r.BadFields, name)
	}

	want[0].TS = "yesterday"
	r = check(func(f *Fields) { *f = Fields{} })
	assert.False(t, r.OK(), "an expectation that cannot be read is no pass")
}

func TestFromLogs(t *testing.T) {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutInt("pm2.process.id", 7)
	recs := rl.ScopeLogs().AppendEmpty().LogRecords()
	rec := recs.AppendEmpty()
	rec.Body().SetStr("message")
	rec.Attributes().PutStr("log.record.original", `{"msg":"message"}`)
	rec.Attributes().PutStr("log.iostream", "stderr")
	rec.Attributes().PutStr("log.file.name", "a-error.log")
	rec.SetSeverityNumber(plog.SeverityNumberWarn)
	rec.SetSeverityText("warn")
	rec.SetTimestamp(1)
	rec.SetTraceID([16]byte{1})
	rec.SetSpanID([8]byte{2})
	recs.AppendEmpty().Body().SetStr("bare")
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	assert.Equal(t, []Line{
		{File: "a-error.log", Text: `{"msg":"message"}`, Stream: "stderr", ProcessID: ptr(7), Fields: &Fields{
			Severity: plog.SeverityNumberWarn, SeverityText: "warn", Time: time.Unix(0, 1).UTC(),
			TraceID: "01000000000000000000000000000000", SpanID: "0200000000000000",
		}},
		{Text: "bare", ProcessID: ptr(7), Fields: &Fields{}},
		{Fields: &Fields{}},
	}, FromLogs(ld))
}

func TestCompare_TextFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app-time-out.log")
	require.NoError(t, os.WriteFile(file+Suffix, []byte(`{"n":0,"stream":"stdout","process_id":4,"line":"one","pm2_ts":"2026-11-21T02:08:43"}
{"n":1,"stream":"stdout","process_id":4,"line":"in parts","as_pm2":"parts","flags":["cut_by_pm2"],"pieces":["par","ts"]}
`), 0o600))
	want, err := Load(file)
	require.NoError(t, err)
	require.Len(t, want, 3)
	got := of("one", "par", "ts")
	got[1].ProcessID = nil
	r := Compare(want, got)
	assert.True(t, r.OK(), r.String())
	assert.Equal(t, [2]int{1, 2}, [2]int{r.Exact, r.AsPM2})
	got[1].Stream = "stderr"
	r = Compare(want, got)
	assert.Equal(t, 1, r.BadFields, r.String())
	r = Compare(want, of("one", "in parts"))
	assert.False(t, r.OK())
}

func TestLoad_SaysWhatIsWrong(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.log"))
	assert.ErrorIs(t, err, os.ErrNotExist)
	file := filepath.Join(t.TempDir(), "a.log")
	require.NoError(t, os.WriteFile(file+Suffix, []byte("{\"n\":0}\n{\"n\":"), 0o600))
	_, err = Load(file)
	assert.ErrorContains(t, err, "line 2 of a.log")

	files, err := Files(filepath.Dir(file))
	require.NoError(t, err)
	assert.Equal(t, []string{file}, files)
	_, err = Files(t.TempDir())
	assert.ErrorContains(t, err, "no *.log.expect.jsonl")
}
