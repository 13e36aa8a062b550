// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2corpus

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Output is everything that one process of PM2 wrote to one of its streams, over all restarts.
type Output struct {
	App       string
	ProcessID int
	Stream    string // stdout or stderr
	Calls     [][]byte
	Raw       [][]byte // what PM2 writes outside its records: the stacks of crashes in cluster mode
}

// Bytes returns what the calls wrote, one after the other.
func (o *Output) Bytes() []byte { return bytes.Join(o.Calls, nil) }

// call is a line of a truth file, which tap.cjs writes in the application's own
// process for every write to standard output and standard error.
type call struct {
	Seq int     `json:"seq"`
	FD  int     `json:"fd"`
	S   *string `json:"s"`
	B64 string  `json:"b64"`
	Raw bool    `json:"raw"`
	Fix *int    `json:"fix"` // the seq of a write that came out short …
	N   int     `json:"n"`   // … after this many bytes
}

// ReadTruth reads a folder of truth files, APP#PROCESS#START#PID.jsonl, and
// returns what was written by process and stream. A file that is still being
// written is read up to its last whole line.
func ReadTruth(dir string) ([]Output, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*#*#*#*.jsonl"))
	if err != nil {
		return nil, err
	}
	type run struct {
		path, app      string
		process, start int
	}
	runs := make([]run, 0, len(names))
	for _, path := range names {
		parts := strings.Split(strings.TrimSuffix(filepath.Base(path), ".jsonl"), "#")
		process, err1 := strconv.Atoi(parts[1])
		start, err2 := strconv.Atoi(parts[2])
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("reading truth: name of %s: %w", filepath.Base(path), err)
		}
		runs = append(runs, run{path: path, app: parts[0], process: process, start: start})
	}
	slices.SortFunc(runs, func(a, b run) int {
		return cmp.Or(cmp.Compare(a.app, b.app), cmp.Compare(a.process, b.process), cmp.Compare(a.start, b.start))
	})
	var all []Output
	for i, r := range runs {
		if i == 0 || runs[i-1].app != r.app || runs[i-1].process != r.process {
			all = append(all,
				Output{App: r.app, ProcessID: r.process, Stream: "stdout"},
				Output{App: r.app, ProcessID: r.process, Stream: "stderr"})
		}
		if err := readCalls(r.path, &all[len(all)-2], &all[len(all)-1]); err != nil {
			return nil, fmt.Errorf("reading truth: %s: %w", filepath.Base(r.path), err)
		}
	}
	return all, nil
}

// readCalls appends the calls of one run of a process.
func readCalls(path string, stdout, stderr *Output) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	var calls []call
	short := map[int]int{}
	for dec := json.NewDecoder(bytes.NewReader(raw)); ; {
		var c call
		switch err := dec.Decode(&c); {
		case errors.Is(err, io.EOF):
			for _, c := range calls {
				if err := c.appendTo(short, stdout, stderr); err != nil {
					return err
				}
			}
			return nil
		case err != nil:
			return err
		case c.Fix != nil:
			short[*c.Fix] = c.N
		default:
			calls = append(calls, c)
		}
	}
}

func (c call) appendTo(short map[int]int, stdout, stderr *Output) error {
	data := []byte(nil)
	if c.S != nil {
		data = []byte(*c.S)
	} else {
		var err error
		if data, err = base64.StdEncoding.DecodeString(c.B64); err != nil {
			return fmt.Errorf("call %d: %w", c.Seq, err)
		}
	}
	if n, ok := short[c.Seq]; ok {
		data = data[:n]
	}
	o := stdout
	if c.FD == 2 {
		o = stderr
	}
	if c.Raw {
		o.Raw = append(o.Raw, data)
	} else {
		o.Calls = append(o.Calls, data)
	}
	return nil
}
