// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// severities returns the columns of log records; "" is a record without severity.
func severities() []string {
	return []string{"fatal", "error", "warn", "info", "debug", "trace", ""}
}

// board prints counts by tenant. On a terminal it redraws a table in place; elsewhere it
// prints one line for each tenant whose counts changed.
type board struct {
	out      io.Writer
	terminal bool
	now      func() time.Time
	drawn    int // lines of the table on the terminal
	last     map[string]string
	complete bool // everything that is recorded has arrived
	noted    bool // that was printed as a line
}

// completeNote says why the counts do not change any more.
const completeNote = `All recorded lines are delivered. "none" counts lines without a level.`

// isTerminal reports whether f interprets control sequences.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

func (b *board) show(ids []string, counts tallies) {
	if b.terminal {
		b.draw(ids, counts)
		return
	}
	if b.last == nil {
		b.last = map[string]string{}
	}
	for _, id := range ids {
		t := counts[id]
		if t == nil {
			continue
		}
		if line := describe(id, t); line != b.last[id] {
			fmt.Fprintf(b.out, "%s  %s\n", b.now().Format(time.TimeOnly), line)
			b.last[id] = line
		}
	}
	if b.complete && !b.noted {
		b.noted = true
		fmt.Fprintf(b.out, "%s  %s\n", b.now().Format(time.TimeOnly), completeNote)
	}
}

// draw moves the cursor to the first line of the table before it writes. It disables
// wrapping while it writes, so a narrow terminal shows as many lines as were written.
func (b *board) draw(ids []string, counts tallies) {
	lines := table(ids, counts)
	if b.complete {
		lines = append(lines, completeNote)
	}
	var text strings.Builder
	text.WriteString("\x1b[?7l")
	if b.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", b.drawn)
	}
	for _, line := range lines {
		text.WriteString("\r\x1b[2K" + line + "\n")
	}
	text.WriteString("\x1b[?7h")
	b.drawn = len(lines)
	fmt.Fprint(b.out, text.String())
}

// summary prints the final counts and the path of each tenant's files.
func (b *board) summary(ids []string, counts tallies) {
	if b.terminal {
		b.draw(ids, counts)
	} else {
		fmt.Fprintf(b.out, "\n%s\n", strings.Join(table(ids, counts), "\n"))
	}
	fmt.Fprintln(b.out, "\nFiles of each tenant:")
	for _, id := range ids {
		folder := "nothing has arrived"
		if t := counts[id]; t != nil && t.folder != "" {
			folder = relative(t.folder)
		}
		fmt.Fprintf(b.out, "  %s  %s\n", id, folder)
	}
}

// table returns the lines of an aligned table, its header first.
func table(ids []string, counts tallies) []string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	header := []string{"tenant", "logs"}
	for _, name := range severities() {
		header = append(header, severityTitle(name))
	}
	width := len("tenant")
	for _, id := range ids {
		width = max(width, len(id))
	}
	row := func(cells []string) {
		cells[0] = fmt.Sprintf("%-*s", width, cells[0]) // names align left, numbers align right
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
	}
	row(append(header, "metric points", "spans"))
	for _, id := range ids {
		t := counts[id]
		if t == nil {
			t = &tally{}
		}
		cells := []string{id, strconv.Itoa(t.logs)}
		for _, name := range severities() {
			cells = append(cells, strconv.Itoa(t.bySeverity[name]))
		}
		row(append(cells, strconv.Itoa(t.points), strconv.Itoa(t.spans)))
	}
	_ = w.Flush() // writing to a strings.Builder cannot fail
	return strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
}

func severityTitle(name string) string {
	if name == "" {
		return "none"
	}
	return name
}

// describe returns the counts of a tenant in one line, without zeros.
func describe(id string, t *tally) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %5d logs", id, t.logs)
	for _, name := range severities() {
		if n := t.bySeverity[name]; n > 0 {
			fmt.Fprintf(&b, "  %s %d", severityTitle(name), n)
		}
	}
	if t.points > 0 {
		fmt.Fprintf(&b, "  │ %d metric points", t.points)
	}
	if t.spans > 0 {
		fmt.Fprintf(&b, "  │ %d spans", t.spans)
	}
	return b.String()
}

// relative returns path relative to the working directory, or path itself on failure.
func relative(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil {
			return rel
		}
	}
	return path
}
