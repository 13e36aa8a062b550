package tail

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

// park keeps how far a file was read that is not to be read any more, so that nothing is
// read twice if it is to be read again one day. It keeps nothing of what is in the
// file: half lines, which were not handed on, are lost.
func (t *Tailer) park(ctx context.Context, path string) {
	t.mu.Lock()
	full := len(t.parked) >= maxStreams
	t.mu.Unlock()
	c, err := t.set.Store.Load(ctx, path)
	if err != nil {
		t.set.Logger.Warn("checkpoint of a log file that is not read any more is damaged and is deleted", zap.String("path", path), zap.Error(err))
	}
	_, missing := statPath(path)
	_, folder := statPath(filepath.Dir(path))
	t.mu.Lock()
	defer t.mu.Unlock()
	if c != nil {
		t.count = max(t.count, c.Count)
	}
	if err != nil || c == nil || full || errors.Is(missing, fs.ErrNotExist) && folder == nil {
		t.ended = append(t.ended, path)
		return
	}
	t.parked[path] = c.bare()
	t.set.Logger.Info("log file is not to be read any more", zap.String("path", path))
}

// bare returns the checkpoint without anything of what is in the files.
func (c *Checkpoint) bare() *Checkpoint {
	b := *c
	b.State = decode.State{}
	b.Files, b.Past = bareMarks(c.Files), bareMarks(c.Past)
	return &b
}

func bareMarks(marks []Mark) []Mark {
	var bare []Mark
	for _, m := range marks {
		bare = append(bare, m.bare())
	}
	return bare
}
