// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2corpus

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// record is a line of a file in PM2's JSON format.
type record struct {
	Message   *string         `json:"message"`
	Timestamp string          `json:"timestamp"`
	Type      string          `json:"type"`
	ProcessID *int            `json:"process_id"`
	AppName   json.RawMessage `json:"app_name"`
}

// Written is a line as it is in a log file of PM2.
type Written struct {
	Line
	Borders    []int // where in Text a record of PM2 ended before the line did
	Terminated bool  // it has its newline, as far as the file shows
}

// half is a line without its newline yet.
type half struct {
	text    strings.Builder
	borders []int
	stream  string
	process *int
}

// Reassemble returns the lines of the applications in a file of PM2's JSON
// format, in the order in which they are completed; last those that never were.
// It is simple, not fast, and shares no code with the receiver: tests compare the receiver with
// it.
func Reassemble(raw []byte) []Written {
	var lines []Written
	halves := map[key]*half{}
	var order []key
	for _, line := range physical(raw) {
		var rec record
		if err := json.Unmarshal(line, &rec); err != nil || rec.Message == nil || rec.AppName == nil || rec.ProcessID == nil {
			lines = append(lines, Written{Line: Line{Text: valid(line), Stream: "stderr"}, Terminated: true})
			continue
		}
		stream := "stderr"
		if rec.Type == "out" {
			stream = "stdout"
		}
		k := key{process: processKey(rec.ProcessID), stream: stream}
		h := halves[k]
		if h == nil {
			h = &half{stream: stream, process: rec.ProcessID}
			halves[k] = h
			order = append(order, k)
		}
		rest := *rec.Message
		for {
			piece, after, found := strings.Cut(rest, "\n")
			h.text.WriteString(piece)
			if !found {
				break
			}
			lines = append(lines, h.take(true))
			rest = after
		}
		if h.text.Len() > 0 {
			h.borders = append(h.borders, h.text.Len())
		}
	}
	for _, k := range order {
		if h := halves[k]; h.text.Len() > 0 {
			h.borders = h.borders[:len(h.borders)-1]
			lines = append(lines, h.take(false))
		}
	}
	return lines
}

func (h *half) take(terminated bool) Written {
	w := Written{Line: Line{Text: h.text.String(), Stream: h.stream, ProcessID: h.process}, Borders: h.borders, Terminated: terminated}
	h.text.Reset()
	h.borders = nil
	return w
}

// physical cuts a file at its newlines. A last line without one counts.
func physical(raw []byte) [][]byte {
	lines := bytes.Split(raw, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// prefixes are the date formats that PM2 was configured with for the text files of the corpus.
var prefixes = []*regexp.Regexp{
	regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d: `),
	regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}: `),
}

// TextLines returns the lines of a file of PM2's text format: those of the file,
// without PM2's time before them if timed.
func TextLines(raw []byte, timed bool) []Written {
	lines := physical(raw)
	var prefix *regexp.Regexp
	if i := slices.IndexFunc(prefixes, func(r *regexp.Regexp) bool { return len(lines) > 0 && r.Match(lines[0]) }); timed && i >= 0 {
		prefix = prefixes[i]
	}
	written := make([]Written, 0, len(lines))
	for i, l := range lines {
		if prefix != nil {
			if loc := prefix.FindIndex(l); loc != nil {
				l = l[loc[1]:]
			}
		}
		written = append(written, Written{Line: Line{Text: valid(l)}, Terminated: i < len(lines)-1 || bytes.HasSuffix(raw, []byte("\n"))})
	}
	return written
}

// valid returns the text with U+FFFD for what is not UTF-8, as a JavaScript
// reader decodes it.
func valid(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return DecodeUTF8(b)
}

// Expect returns what a receiver must read from the lines of a file. With text, only the order
// of the lines counts.
func Expect(written []Written, text bool) []Expected {
	expected := make([]Expected, len(written))
	for i, w := range written {
		e := Expected{N: i, Stream: w.Stream, ProcessID: w.ProcessID, Line: w.Text, text: text}
		if !w.Terminated {
			e.Flags = []string{"unterminated"}
		}
		expected[i] = e
	}
	return expected
}
