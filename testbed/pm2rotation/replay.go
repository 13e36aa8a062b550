// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2rotation

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Replay repeats in a folder what was recorded in another.
type Replay struct {
	Account

	dir     string
	speed   float64
	handles map[string]*os.File
	appends map[string]bool
	alias   map[string]string // of a renamed file, until its name is opened again
	packed  map[string]*bytes.Buffer
	opened  []*os.File
}

// NewReplay returns a replay in dir, speed times as fast as it was recorded.
func NewReplay(dir string, speed float64) *Replay {
	return &Replay{
		Account: NewAccount(), dir: dir, speed: speed,
		handles: map[string]*os.File{}, appends: map[string]bool{}, alias: map[string]string{}, packed: map[string]*bytes.Buffer{},
	}
}

// Run repeats the operations, until their end or that of ctx.
func (r *Replay) Run(ctx context.Context, ops []Operation) (err error) {
	defer func() {
		for _, f := range r.opened {
			err = errors.Join(err, f.Close())
		}
	}()
	start := time.Now()
	for i := range ops {
		wait := time.Duration(ops[i].At/r.speed*float64(time.Millisecond)) - time.Since(start)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		if err := r.apply(&ops[i]); err != nil {
			return fmt.Errorf("operation %d: %w", i, err)
		}
	}
	for name, packed := range r.packed {
		z, err := gzip.NewReader(packed)
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		r.Copied(text)
	}
	return nil
}

func (r *Replay) apply(op *Operation) error {
	path := filepath.Join(r.dir, op.File)
	switch op.Op {
	case "open":
		return r.open(op, path)
	case "write":
		return r.write(op, path)
	case "truncate":
		if err := os.Truncate(path, op.Size); err != nil {
			return err
		}
		r.Gone(op.File, "rotated")
	case "rename":
		if err := os.Rename(path, filepath.Join(r.dir, op.To)); err != nil {
			return err
		}
		r.Moved(op.File, op.To)
		r.alias[op.File] = op.To
	case "unlink":
		return os.Remove(path)
	}
	return nil
}

func (r *Replay) open(op *Operation, path string) error {
	delete(r.alias, op.File)
	if r.handles[op.File] != nil && op.Mode == "trunc" && r.appends[op.File] { // pm2 flush
		r.Gone(op.File, "flushed")
		return os.Truncate(path, 0)
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if op.Mode == "trunc" {
		flags |= os.O_TRUNC
	}
	r.appends[op.File] = op.Mode == "append"
	return r.create(op.File, path, flags)
}

func (r *Replay) create(name, path string, flags int) error {
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return err
	}
	r.handles[name], r.opened = f, append(r.opened, f)
	return nil
}

func (r *Replay) write(op *Operation, path string) error {
	if r.handles[op.File] == nil {
		if err := r.create(op.File, path, os.O_WRONLY|os.O_CREATE|os.O_APPEND); err != nil {
			return err
		}
	}
	data, err := op.data()
	if err != nil {
		return err
	}
	if _, err := r.handles[op.File].Write(data); err != nil {
		return err
	}
	name := op.File
	switch {
	case strings.HasSuffix(name, ".gz"):
		if r.packed[name] == nil {
			r.packed[name] = new(bytes.Buffer)
		}
		r.packed[name].Write(data)
		return nil
	case strings.Contains(name, "__"):
		r.Copied(data)
		return nil
	}
	if to := r.alias[name]; to != "" {
		name = to
	}
	r.Written(name, data)
	return nil
}
