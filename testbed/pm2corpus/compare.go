// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2corpus

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Line is one line of an application as a log agent delivered it.
type Line struct {
	File      string // name of the log file; shown, not compared
	Text      string
	Stream    string  // stdout or stderr; may be empty for a text file
	ProcessID *int    // nil: unknown to the agent
	Fields    *Fields // nil: not to be compared
}

// Result is how the received lines differ from the expected ones.
type Result struct {
	Expected, Received int

	Exact int // lines that arrived as the application wrote them
	AsPM2 int // lines that arrived as PM2 left them
	Glued int // pairs of lines that no reader can separate: the first has no newline

	Wrong   int // lines that arrived changed
	Missing int
	Extra   int

	BadFields int // lines that arrived, with a wrong level, time or trace

	Faults []string // the first few, as text
}

// OK reports whether every line that can be read arrived, once, and nothing else.
func (r *Result) OK() bool {
	return r.Wrong == 0 && r.Missing == 0 && r.Extra == 0 && r.BadFields == 0 &&
		r.Exact+r.AsPM2+2*r.Glued == r.Expected && r.Exact+r.AsPM2+r.Glued == r.Received
}

func (r *Result) String() string {
	s := fmt.Sprintf("%d expected, %d received: %d exact, %d as PM2 left them, %d glued, %d wrong, %d missing, %d extra, %d with bad fields",
		r.Expected, r.Received, r.Exact, r.AsPM2, r.Glued, r.Wrong, r.Missing, r.Extra, r.BadFields)
	return strings.Join(append([]string{s}, r.Faults...), "\n  ")
}

// mostFaults bounds the faults that a Result describes.
const mostFaults = 10

func (r *Result) fault(format string, args ...any) {
	if len(r.Faults) < mostFaults {
		r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
	}
}

// key identifies a sequence of lines whose order is kept.
type key struct {
	process string
	stream  string
}

func processKey(id *int) string {
	if id == nil {
		return "none"
	}
	return strconv.Itoa(*id)
}

// Compare compares the lines of one file that arrived with the expected ones. The sequence of
// lines of each process and stream must be equal. A line that PM2 has damaged must arrive as PM2
// wrote it. A line without its newline may arrive alone or joined to the next one. Lines outside
// any record of PM2 belong to no process. For a text file only the order counts, and the stream
// if the agent reports one.
func Compare(expected []Expected, got []Line) Result {
	r := Result{Expected: len(expected), Received: len(got)}
	want, have, text := map[key][]*Expected{}, map[key][]*Line{}, false
	for i := range expected {
		e := &expected[i]
		k := key{process: processKey(e.ProcessID), stream: e.Stream}
		switch {
		case e.text:
			k, text = key{}, true
		case e.Has("raw"):
			k.process = processKey(nil)
		}
		want[k] = append(want[k], e)
	}
	for i := range got {
		g := &got[i]
		k := key{process: processKey(g.ProcessID), stream: g.Stream}
		if text {
			k = key{}
		}
		have[k] = append(have[k], g)
	}
	for _, k := range keys(want, have) {
		r.sequence(k, want[k], have[k])
	}
	return r
}

// keys returns the keys of both, each once, in order.
func keys(want map[key][]*Expected, have map[key][]*Line) []key {
	var all []key
	for k := range want {
		all = append(all, k)
	}
	for k := range have {
		if _, ok := want[k]; !ok {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b key) int { return strings.Compare(a.process+"|"+a.stream, b.process+"|"+b.stream) })
	return all
}

// lookahead bounds how many lines may be missing or extra in a row before they
// count as wrong.
const lookahead = 50

func (r *Result) sequence(k key, want []*Expected, have []*Line) {
	for len(want) > 0 && len(have) > 0 {
		e, g := want[0], have[0]
		if e.is(g.Text) {
			if e.damaged() {
				r.AsPM2++
			} else {
				r.Exact++
			}
			r.fields(e, g)
			want, have = want[1:], have[1:]
			continue
		}
		if e.open() && len(want) > 1 && g.Text == e.left()+want[1].left() {
			r.Glued++
			want, have = want[2:], have[1:]
			continue
		}
		r.fault("process %s, %s, line %d: want %s, got %s", k.process, k.stream, e.N, quote(e.head()), quote(g.Text))
		missing := slices.IndexFunc(want[:min(lookahead, len(want))], func(e *Expected) bool { return e.is(g.Text) })
		extra := slices.IndexFunc(have[:min(lookahead, len(have))], func(g *Line) bool { return e.is(g.Text) })
		switch {
		case missing > 0 && (extra < 0 || missing <= extra):
			r.Missing += missing
			want = want[missing:]
		case extra > 0:
			r.Extra += extra
			have = have[extra:]
		default:
			r.Wrong++
			want, have = want[1:], have[1:]
		}
	}
	if r.Missing += len(want); len(want) > 0 {
		r.fault("process %s, %s: %d missing from line %d on, %s", k.process, k.stream, len(want), want[0].N, quote(want[0].head()))
	}
	if r.Extra += len(have); len(have) > 0 {
		r.fault("process %s, %s: %d extra at the end, the first is %s", k.process, k.stream, len(have), quote(have[0].Text))
	}
}

// is reports whether text is what can be read of the line.
func (e *Expected) is(text string) bool {
	switch {
	case e.AsPM2 != nil:
		return text == *e.AsPM2
	case e.AsPM2SHA256 != "":
		return digest(text) == e.AsPM2SHA256
	case e.LineSHA256 != "":
		return digest(text) == e.LineSHA256
	}
	return text == e.Line
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func quote(s string) string {
	if len(s) > 160 {
		return fmt.Sprintf("%q… (%d bytes)", s[:160], len(s))
	}
	return strconv.Quote(s)
}
