// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package deadletter defines the files for requests that destinations rejected permanently. The
// tenant_routing exporter writes them, and operators list and replay them.
//
// Below a directory, tenant=<id>/destination=<name>/signal=<signal>/NNNNN.jsonl
// holds one OTLP JSON export request per line, with a field "deadLetter" at its
// end that readers of OTLP JSON ignore.
package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

var (
	field       = []byte(`,"deadLetter":`)
	errNoLetter = errors.New("not a dead letter")
)

// Note records when, where and why a request was rejected.
type Note struct {
	Time        time.Time `json:"time"`
	Tenant      tenant.ID `json:"tenant"`
	Destination string    `json:"destination"`
	Signal      string    `json:"signal"`
	Reason      string    `json:"reason"`
	Message     string    `json:"message,omitempty"`
}

// Folder returns the folder of dead letters with this note, relative to the directory.
func (n *Note) Folder() string {
	return filepath.Join("tenant="+string(n.Tenant), "destination="+n.Destination, "signal="+n.Signal)
}

// Write writes a line to w that consists of n and the OTLP JSON object that request writes.
func Write(w io.Writer, n *Note, request func(w io.Writer) error) error {
	note, err := json.Marshal(n)
	if err != nil {
		return err
	}
	object := &lastByteHolder{w: w}
	if err := request(object); err != nil {
		return err
	}
	if string(object.last) != "}" || object.written < 2 {
		return errors.New("not an export request")
	}
	_, err = w.Write(slices.Concat(field, note, []byte("}\n")))
	return err
}

// lastByteHolder passes on what is written, except for the last byte.
type lastByteHolder struct {
	w       io.Writer
	last    []byte // at most one
	written int    // to w
}

// Write implements io.Writer.
func (a *lastByteHolder) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for _, part := range [][]byte{a.last, p[:len(p)-1]} {
		n, err := a.w.Write(part)
		a.written += n
		if err != nil {
			return 0, err
		}
	}
	a.last = append(a.last[:0], p[len(p)-1])
	return len(p), nil
}

// Append appends a line that consists of request, an OTLP JSON object, and n.
func Append(dst, request []byte, n *Note) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	err := Write(b, n, func(w io.Writer) error {
		_, err := w.Write(request)
		return err
	})
	return b.Bytes(), err
}

// Parse is the inverse of Append for one line.
func Parse(line []byte) (request []byte, n Note, err error) {
	// Inside of a string the quotes would be escaped, so the last occurrence is the field.
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
