// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stacks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
)

// Whatever the lines of two processes are, and wherever blocks end, joining loses
// none, changes none and leaves each process its order; and a joiner that goes
// through its checkpoint between two blocks does as one that does not.
func FuzzJoiner_HandsOutEveryLineOnce(f *testing.F) {
	f.Add("TypeError: x is not a function\n    at f (/app/a.js:1:2)\n    at g (/app/b.js:3:4)\n", "line\n", 3)
	f.Add("Error: one\ntwo\n    at f (a.js:1:2) {\n  code: 'E',\n  cause: Error: y\n      at z (a.js:1:2)\n}\nready\n", "    at lost (a.js:9:9)\n", 1)
	f.Add("info: failed: boom\nError: boom\n    at f (a.js:1:2)\n", "{\"level\":30}\n\nError\n", 2)
	f.Add(strings.Repeat("    at f (a.js:1:2)\n", 40), "Uncaught Error: \xff\n", 5)
	f.Add("Timeout: x\n    at f (a.js:1:2)\nERROR failed\nTraceback (most recent call last):\n  File \"a\", line 1\nKeyError: 1\nplain\n    at f (a.js:1:2)\n", "http: panic serving\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1\nERROR x\nmain.main()\n\t/a.go:1\n", 0)
	f.Add("[14:08:36.735] INFO (4242): x\n    a: 1\ninfo: A[0]\n      x\n{\n  \"a\": 1,\n\n}\n", "Error: x\none\n\nTimeout: y\n    at f (a.js:1:2)\nCaused by: z\nq\n", 0)
	f.Fuzz(func(t *testing.T, first, second string, block int) {
		all := interleave(strings.Split(first, "\n"), strings.Split(second, "\n"))
		plain, entries := join(t, all, 1+abs(block)%7, false)
		resumed, resumedEntries := join(t, all, 1+abs(block)%7, true)
		_, whole := join(t, all, len(all), false)
		if fmt.Sprint(entries) != fmt.Sprint(whole) || fmt.Sprint(resumedEntries) != fmt.Sprint(whole) {
			t.Fatalf("one block: %q, several: %q, resumed: %q", whole, entries, resumedEntries)
		}
		for process, want := range [][]string{strings.Split(first, "\n"), strings.Split(second, "\n")} {
			for _, got := range []map[int][]string{plain, resumed} {
				if !slices.Equal(want, got[process]) {
					t.Fatalf("process %d wrote %q, got %q", process, want, got[process])
				}
			}
		}
	})
}

func abs(n int) int { return max(n, -max(n, -1<<62)) }

type written struct {
	process int
	text    string
}

func interleave(a, b []string) (all []written) {
	for i := range max(len(a), len(b)) {
		if i < len(a) {
			all = append(all, written{0, a[i]})
		}
		if i < len(b) {
			all = append(all, written{1, b[i]})
		}
	}
	return all
}

// join returns the lines that come out, and the entries that they are in, by process.
func join(t *testing.T, all []written, block int, resume bool) (got, entries map[int][]string) {
	set := Settings{
		MaxLines: 16, MaxBytes: 1 << 10,
		Leads: func(text []byte) (bool, bool) { return bytes.HasPrefix(text, []byte("ERROR ")), false },
		Starts: func(text []byte) bool {
			return bytes.HasPrefix(text, []byte("ERROR ")) || bytes.HasPrefix(text, []byte("INFO "))
		},
	}
	j := New(set, State{})
	now := time.Unix(1700000000, 0)
	got, entries = map[int][]string{}, map[int][]string{}
	yield := func(e *Entry) {
		original := string(e.Text)
		if e.Lines > 1 {
			original = string(e.Original)
		}
		if x := e.Exception; x != nil && (!strings.Contains(original, string(x.Type)) || !strings.Contains(original, string(x.Message))) {
			t.Fatalf("%v is not the exception of %q", *x, original)
		}
		texts := strings.Split(original, "\n")
		if len(texts) != e.Lines {
			t.Fatalf("%d lines in %q", e.Lines, original)
		}
		entries[int(e.ProcessID)] = append(entries[int(e.ProcessID)], original)
		got[int(e.ProcessID)] = append(got[int(e.ProcessID)], texts...)
	}
	for at := 0; at < len(all); at += block {
		a := arena.New(0)
		for _, w := range all[at:min(at+block, len(all))] {
			l := lines.Line{Text: []byte(w.text), ProcessID: int64(w.process), Slot: w.process + 1, Time: now.UnixNano()}
			j.Add(&l, now, a, yield)
		}
		j.EndBlock(a, yield)
		if !resume {
			continue
		}
		data, err := json.Marshal(j.State())
		if err != nil {
			t.Fatal(err)
		}
		var state State
		if err := json.Unmarshal(data, &state); err != nil {
			t.Fatal(err)
		}
		j = New(set, state)
	}
	j.FlushBefore(now.Add(time.Hour), arena.New(0), yield)
	if j.Pending() {
		t.Fatal("something is held back forever")
	}
	return got, entries
}

func TestReadException_LeavesTheLineEndsOfCRLFOut(t *testing.T) {
	for text, want := range map[string][2]string{
		"Error: boom\r\n    at f (a.js:1:2)\r":             {"Error", "boom"},
		"TypeError\r\n    at f (a.js:1:2)\r":               {"TypeError", ""},
		"Error: boom\r\nand more\r\n    at f (a.js:1:2)\r": {"Error", "boom\r\nand more"},
	} {
		e := ReadException([]byte(text))
		require.NotNil(t, e, text)
		assert.Equal(t, want, [2]string{string(e.Type), string(e.Message)})
		assert.Equal(t, text, string(e.Stacktrace))
	}
}
