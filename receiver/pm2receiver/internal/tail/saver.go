package tail

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
)

func (t *Tailer) saver(ctx context.Context) {
	ticker := time.NewTicker(saveInterval)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var err error
		if panicked := t.set.Recovery.Run("saving checkpoints", func() { err = t.save(ctx) }); panicked != nil {
			err = panicked
		}
		if err != nil && !failing && ctx.Err() == nil {
			t.set.Logger.Error("cannot save checkpoints; more will be sent again after a crash", diskspace.Fault("", err)...)
		}
		failing = err != nil
		t.mu.Lock()
		t.unsaved = err
		t.mu.Unlock()
	}
}

// save writes the checkpoints that have changed, and that there was a start.
func (t *Tailer) save(ctx context.Context) error {
	t.saving.Lock()
	defer t.saving.Unlock()
	changed := map[string]*Checkpoint{}
	t.mu.Lock()
	streams := slices.Collect(maps.Values(t.streams))
	ended, noted, all := t.ended, t.noted, Totals{Count: t.count, Since: t.since}
	t.ended = nil
	parked := maps.Clone(t.parked)
	t.mu.Unlock()
	for path, c := range parked {
		all.Paths = append(all.Paths, path)
		if c != nil {
			changed[path] = c
		}
	}
	for _, path := range ended {
		changed[path] = nil
	}
	for _, s := range streams {
		all.Paths = append(all.Paths, s.path)
		if c := s.take(); c != nil {
			changed[s.path] = c
		}
	}
	if len(changed) > 0 || !noted {
		slices.Sort(all.Paths)
		if err := t.set.Store.Save(ctx, changed, all); err != nil {
			t.mu.Lock()
			t.ended = append(ended, t.ended...)
			t.mu.Unlock()
			for _, s := range streams {
				if c := changed[s.path]; c != nil {
					s.put(c)
				}
			}
			return err
		}
	}
	t.mu.Lock()
	for path := range parked {
		if _, has := t.parked[path]; has {
			t.parked[path] = nil
		}
	}
	t.saved, t.noted = t.set.Now(), true
	t.mu.Unlock()
	return nil
}

// take returns what is to be saved, or nil if nothing has changed.
func (s *stream) take() *Checkpoint {
	s.shared.Lock()
	defer s.shared.Unlock()
	c := s.saved
	s.saved = nil
	return c
}

// put gives back what could not be saved.
func (s *stream) put(c *Checkpoint) {
	s.shared.Lock()
	defer s.shared.Unlock()
	if s.saved == nil {
		s.saved = c
	}
}
