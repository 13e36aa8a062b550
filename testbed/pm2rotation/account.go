// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2rotation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Account records for every line how long it was in a file that is followed, and how it
// disappeared from there.
type Account struct {
	live  map[string][]string // by file
	fates map[string]*fate
}

type fate struct {
	written, gone time.Time
	cause         string
	copied        bool
}

// NewAccount returns an empty account.
func NewAccount() Account {
	return Account{live: map[string][]string{}, fates: map[string]*fate{}}
}

// Written records lines that were just written to a file.
func (a *Account) Written(file string, data []byte) {
	for _, line := range Names(data) {
		a.fates[line] = &fate{written: time.Now()}
		a.live[file] = append(a.live[file], line)
	}
}

// Gone records that a file was truncated.
func (a *Account) Gone(file, cause string) {
	now := time.Now()
	for _, line := range a.live[file] {
		a.fates[line].gone, a.fates[line].cause = now, cause
	}
	a.live[file] = nil
}

// Moved records that a file was renamed.
func (a *Account) Moved(from, to string) {
	a.live[to] = append(a.live[to], a.live[from]...)
	a.live[from] = nil
}

// Copied records the lines in a rotated copy, including lines that were not seen in its
// original.
func (a *Account) Copied(data []byte) {
	for _, line := range Names(data) {
		if a.fates[line] == nil {
			a.fates[line] = &fate{}
		}
		a.fates[line].copied = true
	}
}

// Result compares what a reader received in a run with what was written.
type Result struct {
	Emitted, Written, Received int
	// NeverWritten were lost by PM2 before they were written to a file.
	NeverWritten int
	// Unreadable, by cause, were in a file for less than the time of a look, and in no copy.
	Unreadable map[string]int
	// Missing should have been read, Repeated were received more than once, and Unknown were
	// not seen in any file.
	Missing, Repeated, Unknown []string
}

// Compare compares what a reader received, by name, with what was in the files. emitted is how
// many lines the applications wrote, and look the time that a reader needs to see a line.
func (a *Account) Compare(received map[string]int, emitted int, look time.Duration) Result {
	res := Result{
		Emitted: emitted, Written: len(a.fates), Received: len(received),
		NeverWritten: emitted - len(a.fates), Unreadable: map[string]int{},
	}
	for line, times := range received {
		if times > 1 {
			res.Repeated = append(res.Repeated, line)
		}
		if a.fates[line] == nil {
			res.Unknown = append(res.Unknown, line)
		}
	}
	res.NeverWritten -= len(res.Unknown) // they were in a file
	for line, f := range a.fates {
		switch {
		case received[line] > 0:
		case f.gone.IsZero() || f.copied || f.gone.Sub(f.written) > look:
			res.Missing = append(res.Missing, line)
		default:
			res.Unreadable[f.cause]++
		}
	}
	for _, lines := range []*[]string{&res.Missing, &res.Repeated, &res.Unknown} {
		slices.Sort(*lines)
	}
	return res
}

// OK reports whether every line that a reader could have read was received, once.
func (r Result) OK() bool { return len(r.Missing)+len(r.Repeated)+len(r.Unknown) == 0 }

// String returns the result on one line, with at most five lines of each fault.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d emitted, %d never written by PM2, %d written, %d received", r.Emitted, r.NeverWritten, r.Written, r.Received)
	for _, cause := range slices.Sorted(maps.Keys(r.Unreadable)) {
		fmt.Fprintf(&b, ", %d %s before a reader could look", r.Unreadable[cause], cause)
	}
	for _, fault := range []struct {
		name  string
		lines []string
	}{{"missing", r.Missing}, {"repeated", r.Repeated}, {"unknown", r.Unknown}} {
		fmt.Fprintf(&b, ", %d %s", len(fault.lines), fault.name)
		if n := min(5, len(fault.lines)); n > 0 {
			fmt.Fprintf(&b, " %q", fault.lines[:n])
		}
	}
	return b.String()
}
