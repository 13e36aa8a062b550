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

// board shows counts by tenant: a table that it draws again in place on a
// terminal, and elsewhere a line for each tenant whose counts have changed.
type board struct {
	out      io.Writer
	terminal bool
	now      func() time.Time
	drawn    int // lines of the table on the terminal
	last     map[string]string
}

// isTerminal tells whether f obeys control sequences.
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
}

// draw moves the cursor back to the first line of the table before it writes.
// Lines do not wrap meanwhile, so that a narrow terminal has as many as were
// written.
func (b *board) draw(ids []string, counts tallies) {
	lines := table(ids, counts)
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

// summary prints the final counts and where the tenants' files are.
func (b *board) summary(ids []string, counts tallies) {
	if b.terminal {
		b.draw(ids, counts)
	} else {
		fmt.Fprintf(b.out, "\n%s\n", strings.Join(table(ids, counts), "\n"))
	}
	fmt.Fprintln(b.out, "\nThe files of each tenant:")
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
		cells[0] = fmt.Sprintf("%-*s", width, cells[0]) // names begin, numbers end at one place
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
	_ = w.Flush() // a strings.Builder takes everything
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

// relative returns path as seen from the working directory where it can.
func relative(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil {
			return rel
		}
	}
	return path
}
