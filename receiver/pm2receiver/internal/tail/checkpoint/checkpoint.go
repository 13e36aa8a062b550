// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package checkpoint stores how far log files were read, so that another process continues
// there.
package checkpoint

import (
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
)

// Version is that of the format, and textsVersion that of a checkpoint with texts in keys of their
// own, which earlier releases cannot read. Checkpoints with another version are damaged.
const (
	Version      = 1
	textsVersion = 2
)

// Checkpoint is what is needed to continue with the log at one path. It covers only what the
// next consumer has accepted.
//
// The JSON names are older than the names of the fields.
type Checkpoint struct {
	Version int `json:"version"`
	// Contents is how many contents the log has had. It numbers them, for their IDs.
	Contents uint64 `json:"count"`
	// Files are the files being read, in order. The last one is that at the path.
	Files []File `json:"files,omitempty"`
	// Gone are contents that are no longer where they were read. A rotated copy may still
	// appear that holds what was not read of them.
	Gone []File `json:"past,omitempty"`
	// Handled are rotated copies that need no reading any more.
	Handled []CopyState `json:"seen,omitempty"`
	// ByContent are the base names of rotated copies that are known by their content.
	ByContent []string `json:"by_content,omitempty"`
	// State is what the decoder holds back.
	State decode.State `json:"state"`
	// Texts are the texts of State that are stored in keys of their own. Only a [Store] sets it.
	Texts map[string]Text `json:"texts,omitempty"`
}

// validate returns an error if a file has a position that no reading produces.
func (c *Checkpoint) validate() error {
	for _, f := range slices.Concat(c.Files, c.Gone) {
		if err := f.Validate(); err != nil {
			return fmt.Errorf("position in %q: %w", f.Name, err)
		}
	}
	return nil
}

// WithoutContent returns the checkpoint without anything that the files hold: it knows them
// by digests, and what the decoder holds back is dropped.
func (c *Checkpoint) WithoutContent() *Checkpoint {
	b := *c
	b.State = decode.State{}
	b.Files, b.Gone = withoutContent(c.Files), withoutContent(c.Gone)
	return &b
}

func withoutContent(files []File) []File {
	var bare []File
	for _, f := range files {
		f.Fingerprint = f.WithoutContent()
		bare = append(bare, f)
	}
	return bare
}

// File is one file of a log: where it is, and how far it was read. A file is recognized by
// its inode while it keeps that, by its fingerprint when it was copied, and never by its
// name alone.
type File struct {
	// ID identifies the content. It changes when the file is truncated, and is the same in
	// a copy. It is 0 if nothing was read.
	ID uint64 `json:"id,omitempty"`
	// Name is the base name that the file had last.
	Name   string `json:"name"`
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	// Fingerprint is what was accepted of the content.
	fingerprint.Fingerprint
	// Copy is true for a rotated copy, which is read to its end once.
	Copy bool `json:"copy,omitempty"`
	// Missing is true for a file that was not found when reading started.
	Missing bool `json:"away,omitempty"`
}

// NewFile returns the file with that base name and status, of which nothing was read.
func NewFile(name string, at logfile.Status) File {
	return File{Name: name, Device: at.Device, Inode: at.Inode}
}

// Is reports whether at is the status of the file.
func (f *File) Is(at logfile.Status) bool { return f.Device == at.Device && f.Inode == at.Inode }

// CopyState is the state of a rotated copy. It differs from that of a later file with the
// same name or inode.
type CopyState struct {
	Device   uint64 `json:"device"`
	Inode    uint64 `json:"inode"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"`
}

// StateOf returns the state of a copy with that status.
func StateOf(at logfile.Status) CopyState {
	return CopyState{Device: at.Device, Inode: at.Inode, Size: at.Size, Modified: at.Modified}
}

// Status returns a status with the identity of the copy.
func (c CopyState) Status() logfile.Status {
	return logfile.Status{Device: c.Device, Inode: c.Inode}
}

// ContentID returns the ID of the content number n at path, which begins with line. It is
// the same in another process, and never 0.
func ContentID(path string, n uint64, line []byte) uint64 {
	d := xxhash.New()
	_, _ = d.WriteString(path)
	_, _ = d.Write([]byte{0, byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
	_, _ = d.Write(line[:min(len(line), fingerprint.SampleSize)])
	return max(d.Sum64(), 1)
}
