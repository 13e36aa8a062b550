// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
)

// stateFileInterval is how often the file is written. A crash loses what has changed since.
const stateFileInterval = time.Minute

// stateFile keeps the last use of tenants and keys over restarts.
type stateFile struct {
	path     string
	tracker  *activity.Tracker
	logger   *zap.Logger
	interval time.Duration

	foreign bool // the file has other content, and remains
	failed  bool
	saved   string
}

func newStateFile(path string, tracker *activity.Tracker, logger *zap.Logger) *stateFile {
	return &stateFile{path: path, tracker: tracker, logger: logger, interval: stateFileInterval}
}

// read reads the file of an earlier run. A file with other content may belong to something
// else, so it is not written.
func (f *stateFile) read() {
	raw, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(raw) == 0 {
		return
	}
	var saved activity.Saved
	if err == nil {
		if err = json.Unmarshal(raw, &saved); err != nil {
			err = fmt.Errorf("%s was not written by this extension: %w", f.path, err)
		}
	}
	if err != nil {
		f.foreign = true
		f.logger.Error(`Failed to read "status::state_file"; it remains unchanged, and silent tenants are not known until they have sent data`, zap.Error(err))
		return
	}
	f.tracker.Restore(saved)
}

// keep writes the file at each interval until ctx ends.
func (f *stateFile) keep(ctx context.Context) {
	tick := time.NewTicker(f.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.save()
		}
	}
}

// save writes the file if its content has changed. It logs the first of failures in a row.
func (f *stateFile) save() {
	if f.foreign {
		return
	}
	raw, err := json.Marshal(f.tracker.Save())
	if err == nil && string(raw) != f.saved {
		if err = atomicfile.Write(f.path, append(raw, '\n')); err == nil {
			f.saved = string(raw)
		}
	}
	if err != nil && !f.failed {
		f.logger.Error(`Failed to write "status::state_file"; after a restart tenants that had stopped sending before it are not known`, diskspace.Fault(f.path, err)...)
	}
	f.failed = err != nil
}
