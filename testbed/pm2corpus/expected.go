// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package pm2corpus compares what a log agent read from PM2's log files with what the
// applications wrote.
//
// A case is a file FILE.log that a real PM2 wrote, and FILE.log.expect.jsonl,
// which has one JSON object per line of the application. [Load] reads the
// expectations, and [Compare] compares what arrived with them. For files that were written
// during a test, [Reassemble] returns what is in them, and [ReadTruth] what the applications
// wrote.
package pm2corpus

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Suffix is what the name of an expectation has after the log file's name.
const Suffix = ".expect.jsonl"

// Expected is one line that an application wrote, or, in a text file in which
// PM2 has split a line, one piece of it.
type Expected struct {
	N         int    `json:"n"`          // index in the file
	Stream    string `json:"stream"`     // stdout or stderr
	App       string `json:"app"`        // PM2's name of the application
	ProcessID *int   `json:"process_id"` // PM2's number of the process; nil if no file has it
	Line      string `json:"line"`

	LineSHA256 string `json:"line_sha256"` // in place of Line where it is long
	LineHead   string `json:"line_head"`

	AsPM2       *string  `json:"as_pm2"`        // what PM2 left of a line it damaged
	AsPM2SHA256 string   `json:"as_pm2_sha256"` // in place of AsPM2 where it is long
	Pieces      []string `json:"pieces"`        // the lines of a text file that PM2 made of it

	Level   any    `json:"level"` // as the logger wrote it: json.Number, string or nil
	TS      any    `json:"ts"`    // as the logger wrote it: json.Number, string or nil
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`

	PM2TS string   `json:"pm2_ts"` // PM2's time of the record in which the line starts
	Flags []string `json:"flags"`

	text  bool // of a text file: only the order identifies lines
	piece bool // a part of a line that PM2 broke up
}

// Has reports whether the line has the flag.
func (e *Expected) Has(flag string) bool { return slices.Contains(e.Flags, flag) }

// open reports whether the file may not show where the line ends.
func (e *Expected) open() bool {
	return e.Has("unterminated") || e.Has("cut_by_pm2") || e.Has("newline_lost_by_pm2")
}

// damaged reports whether the exact line cannot be read from the file.
func (e *Expected) damaged() bool { return e.AsPM2 != nil || e.AsPM2SHA256 != "" }

// left returns the line as PM2 wrote it.
func (e *Expected) left() string {
	if e.AsPM2 != nil {
		return *e.AsPM2
	}
	return e.Line
}

// head returns enough of the line to know it by in a message.
func (e *Expected) head() string {
	if e.LineHead != "" {
		return e.LineHead
	}
	return e.left()
}

var textName = regexp.MustCompile(`-(text|time)-(out|error)\.log$`)

// IsText reports whether a log file of the corpus, by its name, is in PM2's text
// format, with or without a time before each line.
func IsText(file string) bool { return textName.MatchString(file) }

// Files returns the log files of a folder that have an expectation, in order. It
// is an error if there are none.
func Files(dir string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*.log"+Suffix))
	if err != nil {
		return nil, err
	}
	for i := range found {
		found[i] = strings.TrimSuffix(found[i], Suffix)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no *.log%s in %s", Suffix, dir)
	}
	return found, nil
}

// Load returns the expectations of a log file, in the order in which the lines
// are completed in it.
func Load(file string) ([]Expected, error) {
	f, err := os.Open(file + Suffix)
	if err != nil {
		return nil, fmt.Errorf("loading expectations: %w", err)
	}
	defer f.Close()
	var all []Expected
	dec := json.NewDecoder(bufio.NewReader(f))
	dec.UseNumber()
	for {
		var e Expected
		switch err := dec.Decode(&e); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("loading expectations: line %d of %s: %w", len(all)+1, filepath.Base(file), err)
		}
		if !IsText(file) {
			all = append(all, e)
			continue
		}
		all = append(all, e.physical()...)
	}
}

// physical returns what a text file has of the line.
func (e Expected) physical() []Expected {
	e.text = true
	if e.Pieces == nil {
		e.Flags = nil
		return []Expected{e}
	}
	pieces := make([]Expected, len(e.Pieces))
	for i, p := range e.Pieces {
		pieces[i] = Expected{N: e.N, Stream: e.Stream, App: e.App, Line: p, text: true, piece: true}
		if e.AsPM2 != nil || len(e.Pieces) > 1 {
			pieces[i].AsPM2 = &p
		}
	}
	return pieces
}
