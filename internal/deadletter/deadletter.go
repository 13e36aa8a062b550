// Package deadletter is the form of what destinations refused for good: the
// tenant_routing exporter writes it, operators list and replay it.
//
// Below a directory, tenant=<id>/destination=<name>/signal=<signal>/NNNNN.jsonl
// holds one OTLP JSON export request per line, with a field "deadLetter" at its
// end that readers of OTLP JSON pass over.
package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

var (
	field       = []byte(`,"deadLetter":`)
	errNoLetter = errors.New("not a dead letter")
)

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
		return nil, Note{}, errNoLetter
	}
	if err := json.Unmarshal(line[i+len(field):len(line)-1], &n); err != nil {
		return nil, Note{}, fmt.Errorf("%w: %w", errNoLetter, err)
	}
	return append(slices.Clip(line[:i]), '}'), n, nil
}
