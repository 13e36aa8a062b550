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
	"context"
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

// Settled is how long a file must not have been written to before it is
// replayed: until then the gateway may have it open.
const Settled = 2 * time.Minute

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
	Files       []string // paths, the oldest first
	Bytes       int64
	Requests    int
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
	if g.Files, err = filepath.Glob(filepath.Join(folder, "*.jsonl")); err != nil {
		return Group{}, err
	}
	slices.Sort(g.Files)
	for _, file := range g.Files {
		err := lines(file, func(line []byte) error {
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

// lines calls f with each whole line, line feed included. A half line at the
// end, which may be on its way, is left out.
func lines(path string, f func([]byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for r := bufio.NewReader(file); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(line); err != nil {
			return err
		}
	}
}

// Replay calls send with every request of g, the oldest first, and removes what
// was sent. It stops at the first error of send; what is left can be replayed
// later. Files that were written to within [Settled] before now are left alone
// and counted in skipped.
func Replay(ctx context.Context, g *Group, now time.Time, send func(ctx context.Context, request []byte, n Note) error) (sent, skipped int, err error) {
	for _, file := range g.Files {
		info, err := os.Stat(file)
		if err != nil {
			return sent, skipped, err
		}
		if now.Sub(info.ModTime()) < Settled {
			skipped++
			continue
		}
		n, err := replayFile(ctx, file, send)
		if sent += n; err != nil {
			return sent, skipped, fmt.Errorf("%s: %w", file, err)
		}
	}
	return sent, skipped, nil
}

func replayFile(ctx context.Context, path string, send func(context.Context, []byte, Note) error) (sent int, err error) {
	var left []byte
	var failed error
	err = lines(path, func(line []byte) error {
		if failed == nil {
			if failed = ctx.Err(); failed == nil {
				var request []byte
				var n Note
				if request, n, failed = Parse(line); failed == nil {
					failed = send(ctx, request, n)
				}
			}
		}
		if failed != nil {
			left = append(left, line...)
			return nil
		}
		sent++
		return nil
	})
	if err != nil {
		return sent, errors.Join(failed, err)
	}
	if failed == nil {
		return sent, os.Remove(path)
	}
	if sent == 0 {
		return 0, failed
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, left, 0o600); err != nil {
		return sent, errors.Join(failed, err)
	}
	return sent, errors.Join(failed, os.Rename(temporary, path))
}
