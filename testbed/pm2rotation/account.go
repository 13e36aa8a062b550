package pm2rotation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Account knows of every line how long it stood in a file that is followed, and how
// it went from there.
type Account struct {
	live  map[string][]string // by file
	fates map[string]*fate
}

type fate struct {
	written, gone time.Time
	cause         string
	copied        bool
}

// NewAccount returns an account of nothing.
func NewAccount() Account {
	return Account{live: map[string][]string{}, fates: map[string]*fate{}}
}

// Stands notes the lines that have just come to stand in a file.
func (a *Account) Stands(file string, data []byte) {
	for _, line := range Names(data) {
		a.fates[line] = &fate{written: time.Now()}
		a.live[file] = append(a.live[file], line)
	}
}

// Gone notes that a file has been truncated.
func (a *Account) Gone(file, cause string) {
	now := time.Now()
	for _, line := range a.live[file] {
		a.fates[line].gone, a.fates[line].cause = now, cause
	}
	a.live[file] = nil
}

// Moved notes that a file has another name.
func (a *Account) Moved(from, to string) {
	a.live[to] = append(a.live[to], a.live[from]...)
	a.live[from] = nil
}

// Copied notes the lines that stand in a rotated copy, also those that nobody saw in
// its original.
func (a *Account) Copied(data []byte) {
	for _, line := range Names(data) {
		if a.fates[line] == nil {
			a.fates[line] = &fate{}
		}
		a.fates[line].copied = true
	}
}

// Result is what a reader made of a run.
type Result struct {
	Emitted, Written, Received int
	// NeverWritten were lost by PM2 before they stood in a file, as far as anybody saw.
	NeverWritten int
	// Unreadable, by cause, stood for less than a look and in no copy.
	Unreadable map[string]int
	// Missing should have been read, Repeated were received more than once, and
	// Unknown were not seen to stand anywhere.
	Missing, Repeated, Unknown []string
}

// Settle compares what a reader received, by name, with what stood in the files.
// Emitted is how many lines the applications wrote, and look the time that a reader
// needs to see a line.
func (a *Account) Settle(received map[string]int, emitted int, look time.Duration) Result {
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
	res.NeverWritten -= len(res.Unknown) // they did stand somewhere
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

// OK reports whether everything is there that a reader could have had, once.
func (r Result) OK() bool { return len(r.Missing)+len(r.Repeated)+len(r.Unknown) == 0 }

// String tells it in one line, with at most five lines of each fault.
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
