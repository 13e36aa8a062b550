package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Journal writes the entries of a registry file. A change goes like this, under
// the lock of the registry:
//
//  1. pending, with the entry, is written and signed,
//  2. the registry file is replaced,
//  3. the entry is added to the log,
//  4. pending is removed.
//
// A crash leaves pending behind, and the next change begins with completing it:
// the registry is either as before the change, which then never was, or as after
// it, and its entry is added if it is missing. If it is neither, because it was
// edited by other means in between, the entry is added as uncertain.
type Journal struct {
	recorder *Recorder
	dir      *Dir
	registry string
	log      *Log
	aside    bool // the log that there was is set aside
}

var _ registryfile.Journal = (*Journal)(nil)

// pending is a change under way.
type pending struct {
	Size   int64 `json:"size"`   // entries in the log before it
	Length int64 `json:"length"` // and their bytes
	Entry  Entry `json:"entry"`
}

// NewJournal returns the journal of the registry file at path. Its log is in
// dir.
func NewJournal(r *Recorder, dir *Dir, path string) *Journal {
	return &Journal{recorder: r, dir: dir, registry: path}
}

// Begin implements registryfile.Journal.
func (j *Journal) Begin(ctx context.Context, current []byte) error {
	if j.recorder.NewLog && !j.aside {
		j.aside = true
		if err := j.dir.setAside(j.recorder.Now()); err != nil {
			return err
		}
	}
	data, err := readAll(j.dir.pending())
	if err != nil || data == nil {
		return err
	}
	if err := j.open(ctx); err != nil {
		return err
	}
	text, err := openNote(data, j.log.key.public)
	if err != nil {
		return fmt.Errorf("%s: it was not written with the key of this log, remove it: %w", j.dir.pending(), err)
	}
	var p pending
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return fmt.Errorf("%s: %w", j.dir.pending(), err)
	}
	return j.complete(ctx, p, Hash(current))
}

// complete ends a change that was interrupted.
func (j *Journal) complete(ctx context.Context, p pending, now string) error {
	size := int64(0)
	data, err := j.dir.Checkpoint(ctx)
	if err != nil {
		return err
	}
	if data != nil {
		c, err := openCheckpoint(data, j.log.key.public)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		size = c.N
	}
	if size == p.Size+1 {
		return j.finish(data)
	}
	if size != p.Size {
		return fmt.Errorf("%w: it has %d entries, and an interrupted change belongs after %d", ErrDamaged, size, p.Size)
	}
	if err := j.dir.cut(p.Size, p.Length); err != nil {
		return err
	}
	switch now {
	case p.Entry.Before:
		return os.Remove(j.dir.pending()) // it never was
	case p.Entry.After:
	default:
		p.Entry.Outcome = OutcomeUncertain
	}
	return j.append(ctx, &p.Entry)
}

// Prepare implements registryfile.Journal.
func (j *Journal) Prepare(ctx context.Context, before []byte, was []*tenant.Tenant, after *registryfile.Document) error {
	if err := os.MkdirAll(j.dir.path, 0o700); err != nil {
		return err
	}
	if err := j.open(ctx); err != nil {
		return err
	}
	c, err := j.log.next(ctx)
	if err != nil {
		return err
	}
	p := pending{Size: c.N, Entry: *j.recorder.entry(Revision{before, after.Bytes(), was, after.Tenants()})}
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
	return atomicfile.Write(j.dir.pending(), signed)
}

// Commit implements registryfile.Journal.
func (j *Journal) Commit(ctx context.Context, current []byte) error {
	// The way of an entry is the same whether there was a crash or not.
	if err := j.Begin(ctx, current); err != nil {
		return fmt.Errorf("the change is in force; its entry in the audit log is missing until the next change completes it: %w", err)
	}
	return nil
}

func (j *Journal) open(ctx context.Context) (err error) {
	if j.log != nil {
		return nil
	}
	if j.log, err = Open(ctx, j.dir, Keys{Path: j.recorder.Key, Registry: j.registry}); err == nil {
		j.log.policy = j.recorder.Seen
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

// finish remembers the checkpoint and ends the change.
func (j *Journal) finish(checkpoint []byte) error {
	return errors.Join(j.log.Committed(checkpoint), os.Remove(j.dir.pending()))
}
