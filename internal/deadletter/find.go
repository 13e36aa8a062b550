// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package deadletter

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/foldname"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Filter selects dead letters. An empty field matches all.
type Filter struct {
	Tenant      string `json:"tenant,omitempty"`
	Destination string `json:"destination,omitempty"`
	Signal      string `json:"signal,omitempty"`
}

// Group describes the dead letters of one folder.
type Group struct {
	Tenant      tenant.ID
	Destination string
	Signal      tenant.Signal
	Files       []string       // paths, the oldest first
	Bytes       int64          // of Requests
	Requests    int            // not delivered by a replay
	Reasons     map[string]int // requests by reason
	First, Last time.Time
	Damaged     Damage // lines that are not such requests
}

// Damage describes lines that cannot be sent.
type Damage struct {
	Lines int
	First []Fault // at most maxFaults
}

const maxFaults = 20

func (d *Damage) add(f Fault) {
	d.Lines++
	if len(d.First) < maxFaults {
		d.First = append(d.First, f)
	}
}

// Add adds the damage of another file or group.
func (d *Damage) Add(other Damage) {
	d.Lines += other.Lines
	d.First = append(d.First, other.First[:min(len(other.First), maxFaults-len(d.First))]...)
}

// Fault is a line that cannot be sent.
type Fault struct {
	File string
	Line int // from 1
	Err  error
}

func (f Fault) String() string { return fmt.Sprintf("%s: line %d: %v", f.File, f.Line, f.Err) }

var errCut = errors.New("is cut off")

// Check returns an error if directory is not one of dead letters. It may be empty.
func Check(directory string) error {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	for _, e := range entries {
		// Every such directory has files of the exporter or of a replay.
		if strings.HasPrefix(e.Name(), "tenant=") || slices.Contains([]string{".open-files", lockName, requestFolder}, e.Name()) {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s has no dead letters but other files: it is not the dead_letter::directory of a gateway", directory)
	}
	return nil
}

// Find lists the dead letters below directory that match f, by tenant, destination and signal.
func Find(directory string, f Filter) ([]Group, error) {
	if err := Check(directory); err != nil {
		return nil, err
	}
	var groups []Group
	err := walk(directory, []level{{"tenant=", f.Tenant}, {"destination=", f.Destination}, {"signal=", f.Signal}}, func(folder string) error {
		g, err := read(directory, folder)
		if err == nil && len(g.Files) > 0 {
			groups = append(groups, g)
		}
		return err
	})
	return groups, err
}

// Has reports whether directory has, or had, dead letters that match f: there is a folder for them.
func Has(directory string, f Filter) (bool, error) {
	if err := Check(directory); err != nil {
		return false, err
	}
	found := false
	err := walk(directory, []level{{"tenant=", f.Tenant}, {"destination=", f.Destination}, {"signal=", f.Signal}}, func(string) error {
		found = true
		return nil
	})
	return found, err
}

// Owner has dead letters.
type Owner struct {
	Tenant      tenant.ID
	Destination string
}

// Owners returns which tenants have dead letters below directory, and of which destinations. It does not
// read the files, so that requests that a replay has delivered count until their file is removed.
func Owners(directory string) (map[Owner]bool, error) {
	owners := make(map[Owner]bool)
	err := walk(directory, []level{{"tenant=", ""}, {"destination=", ""}, {"signal=", ""}}, func(folder string) error {
		destination := filepath.Dir(folder)
		o := Owner{Tenant: tenant.ID(valueOf(filepath.Dir(destination))), Destination: valueOf(destination)}
		if owners[o] {
			return nil
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil && isLetters(e.Name()) && info.Size() > 0 {
				owners[o] = true
				break
			}
		}
		return nil
	})
	return owners, err
}

// valueOf returns the value of a folder called key=value.
func valueOf(folder string) string {
	_, value, _ := strings.Cut(foldname.Decode(filepath.Base(folder)), "=")
	return value
}

// isLetters reports whether a file of this name holds dead letters.
func isLetters(name string) bool {
	return strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, takenExtension)
}

// level is the prefix of the folder names of one level. If only is not empty, just that folder matches.
type level struct{ prefix, only string }

// walk calls f with each folder below folder whose path matches the levels. It does not use
// filepath.Glob, which gives special characters in names a meaning and ignores folders that cannot be
// read.
func walk(folder string, levels []level, f func(folder string) error) error {
	if len(levels) == 0 {
		return f(folder)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			continue // a file, whatever its name
		}
		if strings.HasPrefix(e.Name(), "signal=") && len(levels) > 1 {
			return fmt.Errorf("%s is part of an archive and not of dead letters", folder)
		}
		value, ok := strings.CutPrefix(e.Name(), levels[0].prefix)
		if !ok || levels[0].only != "" && levels[0].only != foldname.Decode(value) {
			continue
		}
		err := walk(filepath.Join(folder, e.Name()), levels[1:], f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // removed since ReadDir
			return err
		}
	}
	return nil
}

func read(directory, folder string) (Group, error) {
	relative, err := filepath.Rel(directory, folder)
	if err != nil {
		return Group{}, err
	}
	var values [3]string
	for i, element := range strings.Split(relative, string(filepath.Separator)) {
		_, values[i], _ = strings.Cut(foldname.Decode(element), "=")
	}
	g := Group{Tenant: tenant.ID(values[0]), Destination: values[1], Reasons: make(map[string]int)}
	if g.Signal, err = tenant.ParseSignal(values[2]); err != nil {
		return Group{}, fmt.Errorf("%s: %w", folder, err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return Group{}, err
	}
	for _, e := range entries {
		if isLetters(e.Name()) {
			g.Files = append(g.Files, filepath.Join(folder, e.Name()))
		}
	}
	slices.Sort(g.Files)
	for _, file := range g.Files {
		if err := g.count(file); err != nil {
			return Group{}, err
		}
	}
	return g, nil
}

// count adds the requests of file that no replay has delivered.
func (g *Group) count(file string) error {
	done, err := readProgress(file)
	if err != nil {
		return err
	}
	// A file that is being written may end in half a line.
	quiet, err := isQuiet(file, time.Now())
	if err != nil {
		return err
	}
	err = lines(file, func(offset int64, number int, line []byte) error {
		if done[offset] {
			return nil
		}
		_, n, err := g.parse(line)
		if err != nil {
			if quiet || !errors.Is(err, errCut) {
				g.Damaged.add(Fault{file, number, err})
			}
			return nil
		}
		g.Bytes += int64(len(line))
		g.Requests++
		g.Reasons[n.Reason]++
		if g.First.IsZero() || n.Time.Before(g.First) {
			g.First = n.Time
		}
		if n.Time.After(g.Last) {
			g.Last = n.Time
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the gateway pruned it
	}
	return err
}

// parse parses a line of the group. The line must name the group's own tenant: from a file in a wrong
// folder it would be sent to another tenant.
func (g *Group) parse(line []byte) (request []byte, n Note, err error) {
	if line[len(line)-1] != '\n' {
		return nil, Note{}, errCut
	}
	request, n, err = Parse(line)
	if err == nil && (n.Tenant != g.Tenant || n.Destination != g.Destination || n.Signal != g.Signal.String()) {
		err = fmt.Errorf("is in the wrong folder; move it to %s", n.Folder())
	}
	return request, n, err
}

// lines calls f with each line, including its line feed, its number and its offset. The last line may
// lack the line feed.
func lines(path string, f func(offset int64, number int, line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	offset := int64(0)
	r := bufio.NewReader(file)
	for number := 1; ; number++ {
		line, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		if err := f(offset, number, line); err != nil {
			return err
		}
		offset += int64(len(line))
	}
}
