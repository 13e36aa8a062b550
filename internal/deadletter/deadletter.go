// Package deadletter is the form of what destinations refused for good: the
// tenant_routing exporter writes it, operators list and replay it.
//
// Below a directory, tenant=<id>/destination=<name>/signal=<signal>/NNNNN.jsonl
// holds one OTLP JSON export request per line, with a field "deadLetter" at its
// end that readers of OTLP JSON pass over.
package deadletter

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

var field = []byte(`,"deadLetter":`)

// Note says when, where and why a request was refused.
type Note struct {
	Time        time.Time `json:"time"`
	Tenant      tenant.ID `json:"tenant"`
	Destination string    `json:"destination"`
	Signal      string    `json:"signal"`
	Reason      string    `json:"reason"`
	Message     string    `json:"message,omitempty"`
}

// Folder returns where dead letters with this note belong, below the directory.
func (n *Note) Folder() string {
	return filepath.Join("tenant="+string(n.Tenant), "destination="+n.Destination, "signal="+n.Signal)
}

// Append appends a line that holds request, an OTLP JSON object, and n.
func Append(dst, request []byte, n *Note) ([]byte, error) {
	note, err := json.Marshal(n)
	if err != nil {
		return dst, err
	}
	body, ok := bytes.CutSuffix(request, []byte("}"))
	if !ok || len(body) < 2 {
		return dst, errors.New("not an export request")
	}
	dst = append(append(dst, body...), field...)
	return append(append(dst, note...), "}\n"...), nil
}

// Parse is the inverse of Append for one line.
func Parse(line []byte) (request []byte, n Note, err error) {
	// In a string of the request the quotes would be escaped, so the last
	// occurrence is the field.
	line = bytes.TrimSuffix(line, []byte("\n"))
	i := bytes.LastIndex(line, field)
	if i < 0 || !bytes.HasSuffix(line, []byte("}}")) {
		return nil, Note{}, errors.New("not a dead letter")
	}
	if err := json.Unmarshal(line[i+len(field):len(line)-1], &n); err != nil {
		return nil, Note{}, fmt.Errorf("not a dead letter: %w", err)
	}
	return append(slices.Clip(line[:i]), '}'), n, nil
}

// Group is what one folder holds.
type Group struct {
	Tenant      tenant.ID
	Destination string
	Signal      tenant.Signal
	Files       []string       // paths, the oldest first
	Bytes       int64          // of these requests
	Requests    int            // that a replay has not delivered
	Reasons     map[string]int // requests by reason
	First, Last time.Time
}

// Find lists the dead letters below directory by tenant, destination and signal.
func Find(directory string) ([]Group, error) {
	folders, err := filepath.Glob(filepath.Join(directory, "tenant=*", "destination=*", "signal=*"))
	if err != nil {
		return nil, err
	}
	var groups []Group
	for _, folder := range folders {
		g, err := read(directory, folder)
		if err != nil {
			return nil, err
		}
		if len(g.Files) > 0 {
			groups = append(groups, g)
		}
	}
	return groups, nil
}

func read(directory, folder string) (Group, error) {
	relative, err := filepath.Rel(directory, folder)
	if err != nil {
		return Group{}, err
	}
	var values [3]string
	for i, element := range strings.Split(relative, string(filepath.Separator)) {
		_, values[i], _ = strings.Cut(element, "=")
	}
	g := Group{Tenant: tenant.ID(values[0]), Destination: values[1], Reasons: make(map[string]int)}
	if g.Signal, err = tenant.ParseSignal(values[2]); err != nil {
		return Group{}, fmt.Errorf("%s: %w", folder, err)
	}
	for _, pattern := range []string{"*.jsonl", "*" + takenExtension} {
		files, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return Group{}, err
		}
		g.Files = append(g.Files, files...)
	}
	slices.Sort(g.Files)
	for _, file := range g.Files {
		done, err := readProgress(file)
		if err != nil {
			return Group{}, err
		}
		err = lines(file, func(offset int64, line []byte) error {
			if done[offset] {
				return nil
			}
			_, n, err := Parse(line)
			if err != nil {
				return err
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
		if err != nil {
			return Group{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	return g, nil
}

// lines calls f with each whole line, line feed included, and where it begins. A
// half line at the end, which may be on its way, is left out.
func lines(path string, f func(offset int64, line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	offset := int64(0)
	for r := bufio.NewReader(file); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(offset, line); err != nil {
			return err
		}
		offset += int64(len(line))
	}
}
