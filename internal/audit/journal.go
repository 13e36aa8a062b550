// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Journal writes the entries of a registry file. A change takes these steps under
// the lock of the registry:
//
//  1. Write and sign the pending file, which contains the entry.
//  2. Replace the registry file.
//  3. Append the entry to the log.
//  4. Remove the pending file.
//
// After a crash, the next change completes the pending one. If the registry is as
// it was before the pending change, the change did not happen. If it is as it was
// after the change, the entry is appended unless it is already there. Otherwise
// the registry was edited by other means, and the entry is appended as uncertain.
type Journal struct {
	recorder *Recorder
	dir      *Dir
	registry string
	log      *Log
	moved    bool // the previous log was moved aside
}

var _ registryedit.Journal = (*Journal)(nil)

// pendingChange is the content of the pending file.
type pendingChange struct {
	Size   int64 `json:"size"`   // entries in the log before the change
	Length int64 `json:"length"` // bytes of these entries
	Entry  Entry `json:"entry"`
}

// NewJournal returns the journal of the registry file at path, whose log is in
// dir.
func NewJournal(r *Recorder, dir *Dir, path string) *Journal {
	return &Journal{recorder: r, dir: dir, registry: path}
}

// Begin implements registryedit.Journal.
func (j *Journal) Begin(ctx context.Context, current []byte) error {
	if j.recorder.NewLog && !j.moved {
		j.moved = true
		if err := j.dir.moveAside(j.recorder.Now()); err != nil {
			return err
		}
	}
	data, err := readFile(j.dir.pendingFile())
	if err != nil || data == nil {
		return err
	}
	if err := j.open(ctx); err != nil {
		return err
	}
	text, err := openNote(data, j.log.key.public)
	if err != nil {
		return fmt.Errorf("%s was not written with the key of this log, remove it: %w", j.dir.pendingFile(), err)
	}
	var p pendingChange
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return fmt.Errorf("%s: %w", j.dir.pendingFile(), err)
	}
	return j.complete(ctx, p, Hash(current))
}

// complete finishes an interrupted change. now is the hash of the registry.
func (j *Journal) complete(ctx context.Context, p pendingChange, now string) error {
	size := int64(0)
	data, err := j.dir.Checkpoint(ctx)
	if err != nil {
		return err
	}
	if data != nil {
		c, err := OpenCheckpoint(data, j.log.key.public)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		size = c.N
	}
	if size == p.Size+1 {
		return j.finish(data)
	}
	if size != p.Size {
		return fmt.Errorf("%w: it has %d entries, but an interrupted change follows entry %d", ErrDamaged, size, p.Size-1)
	}
	if err := j.dir.Truncate(p.Size, p.Length); err != nil {
		return err
	}
	switch now {
	case p.Entry.Before:
		return os.Remove(j.dir.pendingFile()) // the change did not happen
	case p.Entry.After:
	default:
		p.Entry.Outcome = OutcomeUncertain
	}
	return j.append(ctx, &p.Entry)
}

// Prepare implements registryedit.Journal.
func (j *Journal) Prepare(ctx context.Context, before []byte, was []*tenant.Tenant, after *registryedit.Document) error {
	if err := os.MkdirAll(j.dir.path, 0o700); err != nil {
		return err
	}
	if err := j.open(ctx); err != nil {
		return err
	}
	c, err := j.log.current(ctx)
	if err != nil {
		return err
	}
	p := pendingChange{Size: c.N, Entry: *j.recorder.entry(Revision{before, after.Bytes(), was, after.Tenants()})}
	if p.Length, err = j.dir.length(); err != nil {
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: string(text) + "\n"}, j.log.key.signer)
	if err != nil {
		return err
	}
	return atomicfile.Write(j.dir.pendingFile(), signed)
}

// Commit implements registryedit.Journal.
func (j *Journal) Commit(ctx context.Context, current []byte) error {
	// An entry takes the same path with and without a crash.
	if err := j.Begin(ctx, current); err != nil {
		return fmt.Errorf("the change is in force; the next change completes its missing entry in the audit log: %w", err)
	}
	return nil
}

func (j *Journal) open(ctx context.Context) (err error) {
	if j.log != nil {
		return nil
	}
	if j.log, err = Open(ctx, j.dir, Keys{Path: j.recorder.Key, Registry: j.registry}); err == nil {
		j.log.policy = j.recorder.Restore
	}
	return err
}

func (j *Journal) append(ctx context.Context, e *Entry) error {
	if err := j.log.Append(ctx, e); err != nil {
		return err
	}
	checkpoint, err := j.dir.Checkpoint(ctx)
	if err != nil {
		return err
	}
	return j.finish(checkpoint)
}

// finish stores the last known checkpoint and removes the pending file.
func (j *Journal) finish(checkpoint []byte) error {
	return errors.Join(j.log.Committed(checkpoint), os.Remove(j.dir.pendingFile()))
}
