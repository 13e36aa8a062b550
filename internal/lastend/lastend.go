// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lastend

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Kind is how a process ended.
type Kind string

const (
	// None means that there was no previous process.
	None Kind = "none"
	// Clean means that it was shut down.
	Clean Kind = "clean"
	// Fault means that it ended with a panic or a fatal error of the Go runtime.
	Fault Kind = "fault"
	// Memory means that it ended without a trace, and that the kernel has killed a process
	// because memory was exhausted since it started.
	Memory Kind = "memory"
	// Killed means anything else: a kill, a power failure, or an unknown cause.
	Killed Kind = "killed"
)

// Own reports whether the process itself caused its end.
func (k Kind) Own() bool { return k == Fault || k == Memory }

// End is how the previous process ended.
type End struct {
	Kind   Kind
	Faults int    // how many consecutive processes caused their own end, each soon after its start
	Words  string // the first line of the crash output
}

// Holder is an extension that keeps the record of this process.
type Holder interface{ LastEnd() End }

// Find returns how the previous process ended, as an extension of host has recorded it.
func Find(host component.Host) (end End, ok bool) {
	for _, ext := range host.GetExtensions() {
		if h, is := ext.(Holder); is {
			return h.LastEnd(), true
		}
	}
	return End{}, false
}

const (
	// Soon is the lifetime up to which a process counts as ended soon after its start.
	Soon = time.Minute

	crashBytes = 64 << 10 // how much of the crash output is read
)

// Recorder keeps the record of this process.
type Recorder struct {
	mu     sync.Mutex
	file   *os.File
	record record
	system system

	stop chan struct{}
	done chan struct{}
}

// Open returns how the previous process that used the name in dir ended, and begins the record
// of this one. The Go runtime writes its crash output to one file only: that of the Recorder
// that was opened last.
func Open(dir, name string) (*Recorder, End, error) {
	return open(dir, name, linux(), Soon)
}

func open(dir, name string, sys system, soon time.Duration) (*Recorder, End, error) {
	path := filepath.Join(dir, name+".run")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, End{}, err
	}
	r := &Recorder{file: f, system: sys, stop: make(chan struct{}), done: make(chan struct{})}
	last, had := read(f)
	r.record = record{State: stateStarted}
	r.record.Boot, r.record.Kills = sys.kills()
	words, crashErr := openCrash(filepath.Join(dir, name+".crash"))
	end := judge(last, had, r.record, words)
	r.record.Faults = end.Faults
	if err := errors.Join(r.record.write(f), crashErr); err != nil {
		_ = f.Close()
		return nil, End{}, err
	}
	go r.age(soon)
	return r, end, nil
}

// judge returns how the process with the record last ended.
func judge(last record, had bool, now record, words string) End {
	end := End{Kind: Killed, Words: words}
	switch {
	case words != "":
		end.Kind = Fault
	case !had:
		end.Kind = None
	case last.State == stateClean:
		end.Kind = Clean
	case last.Kills >= 0 && last.Boot == now.Boot && last.Kills < now.Kills:
		end.Kind = Memory
	}
	switch {
	case last.State != stateStarted:
	case end.Kind.Own():
		end.Faults = last.Faults + 1
	default:
		end.Faults = last.Faults // a kill neither continues the sequence nor ends it
	}
	return end
}

// openCrash returns the first line of the file, empties the file, and makes the runtime write
// its crash output there. It allocates space now, because the disk may be full later.
func openCrash(path string) (words string, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	defer f.Close()
	before, err := io.ReadAll(io.LimitReader(f, crashBytes))
	if err != nil {
		return "", err
	}
	before = bytes.TrimRight(before, "\x00")
	for line := range strings.Lines(string(before)) {
		if line = strings.TrimSpace(line); line != "" {
			words = line
			break
		}
	}
	if words == "runtime stack:" { // the line before is written to the standard error only
		words = "fatal error of the Go runtime, such as a stack overflow"
	}
	if err := f.Truncate(0); err != nil {
		return words, err
	}
	_, _ = f.WriteAt(make([]byte, 4096), 0)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return words, err
	}
	return words, debug.SetCrashOutput(f, debug.CrashOptions{})
}

// age records that the process has run for some time, and then regularly how many processes
// the kernel has killed.
func (r *Recorder) age(soon time.Duration) {
	defer close(r.done)
	ticker := time.NewTicker(soon)
	defer ticker.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-ticker.C:
		}
		r.mu.Lock()
		next := record{State: stateHealthy}
		next.Boot, next.Kills = r.system.kills()
		if next != r.record && next.write(r.file) == nil {
			r.record = next
		}
		r.mu.Unlock()
	}
}

// Forgive ends the sequence of faults.
func (r *Recorder) Forgive() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Faults = 0
	return r.record.write(r.file)
}

// Close records that the process shuts down.
func (r *Recorder) Close() error {
	close(r.stop)
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.State, r.record.Faults = stateClean, 0
	return errors.Join(r.record.write(r.file), r.file.Close(), debug.SetCrashOutput(nil, debug.CrashOptions{}))
}
