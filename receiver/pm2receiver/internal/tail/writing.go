// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
)

// writing are the checkpoints that are written at once.
type writing struct {
	store *checkpoint.Store
	pace  *checkpoint.Pace
	all   bool // nothing waits
	now   time.Time

	encoded []*checkpoint.Encoded
	taken   []taken
}

// taken is a checkpoint that was taken from its log.
type taken struct {
	log        *log
	checkpoint *checkpoint.Checkpoint
}

func (w *writing) encode(path string, c *checkpoint.Checkpoint) error {
	e, err := w.store.Encode(path, c)
	if err == nil {
		w.add(e)
	}
	return err
}

func (w *writing) add(e *checkpoint.Encoded) {
	w.pace.Spend(e.Size())
	w.encoded = append(w.encoded, e)
}

// encodeLogs encodes the checkpoints that have changed and have an allowance, first those that were
// not saved for the longest time. A checkpoint is expected to be as large as before, so that a large
// one is not encoded in vain.
func (w *writing) encodeLogs(logs []*log) error {
	slices.SortFunc(logs, func(a, b *log) int { return a.saved.Compare(b.saved) })
	for _, l := range logs {
		c := l.takeUnsaved()
		if l.waits = c != nil; c == nil {
			continue
		}
		w.taken = append(w.taken, taken{l, c})
		if !w.allows(l.saveSize) {
			continue
		}
		e, err := w.store.Encode(l.path, c)
		if err != nil {
			return err
		}
		if l.saveSize = e.Size(); w.allows(l.saveSize) {
			l.waits, l.saveSize = false, e.StateSize()
			w.add(e)
		}
	}
	for _, x := range w.taken {
		if x.log.waits {
			x.log.returnUnsaved(x.checkpoint)
		}
	}
	return nil
}

func (w *writing) allows(size int) bool { return w.all || w.pace.Allows(size, w.now) }

func (w *writing) has(path string) bool {
	return slices.ContainsFunc(w.encoded, func(e *checkpoint.Encoded) bool { return e.Path() == path })
}

// giveBack returns the checkpoints to their logs because they could not be written.
func (w *writing) giveBack() {
	for _, x := range w.taken {
		x.log.waits = true
		x.log.returnUnsaved(x.checkpoint)
	}
}
