// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
)

// record is what access was granted, so that it can be removed. Only root may write the file.
type record struct {
	User    string    `json:"user"`
	Granted []granted `json:"granted"`
	Groups  []string  `json:"groups,omitempty"` // that the user was added to

	changed bool
	places  map[string]int // of paths in Granted
}

// granted is a file or folder with an entry of the agent's user.
type granted struct {
	Path    string `json:"path"`
	Files   bool   `json:"files,omitempty"`   // files that are created in the folder get the entry
	Default bool   `json:"default,omitempty"` // the folder had no default list before
	Bits    uint32 `json:"bits,omitempty"`    // permissions that the group of the file got
}

// readRecord returns the record in a file, or an empty one.
func readRecord(path string) (*record, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &record{}, nil
	}
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// add notes a grant.
func (r *record) add(path string, madeDefault bool) { r.put(granted{Path: path, Default: madeDefault}) }

// addFolder notes a folder whose later files get access.
func (r *record) addFolder(path string, madeDefault bool) {
	r.put(granted{Path: path, Files: true, Default: madeDefault})
}

// addMode notes permissions that the group of a file got.
func (r *record) addMode(path string, bits uint32) { r.put(granted{Path: path, Bits: bits}) }

// addGroup notes a group that the user was added to.
func (r *record) addGroup(name string) { r.Groups, r.changed = append(r.Groups, name), true }

func (r *record) put(g granted) {
	if r.places == nil || len(r.places) != len(r.Granted) {
		r.places = make(map[string]int, len(r.Granted))
		for i := range r.Granted {
			r.places[r.Granted[i].Path] = i
		}
	}
	if i, ok := r.places[g.Path]; ok {
		known := &r.Granted[i]
		next := granted{g.Path, known.Files || g.Files, known.Default || g.Default, known.Bits | g.Bits}
		if next != *known {
			*known, r.changed = next, true
		}
		return
	}
	r.places[g.Path] = len(r.Granted)
	r.Granted, r.changed = append(r.Granted, g), true
}

// write stores the record.
func (r *record) write(path string) error {
	if !r.changed {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	r.changed = false
	return atomicfile.Write(path, append(data, '\n'))
}
