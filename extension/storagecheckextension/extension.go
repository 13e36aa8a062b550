// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package storagecheckextension

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/lastend"
)

// asideDuration is how long after the start the condition lasts that files were set aside. A longer
// condition would hide others.
const asideDuration = time.Hour

// storageCheck checks the files of a directory once, when it starts.
type storageCheck struct {
	id        component.ID
	dir       string
	maxFaults int // crashes in a row before queues are set aside; 0: unlimited
	run       *lastend.Recorder
	end       lastend.End
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	started   time.Time
	aside     []string // files that were set aside
	unpost    func()   // nil before the start
}

var (
	_ extension.Extension = (*storageCheck)(nil)
	_ lastend.Holder      = (*storageCheck)(nil)
)

func newStorageCheck(set extension.Settings, cfg *Config) (*storageCheck, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	for _, c := range []metric.Int64Counter{telemetry.ExtensionStorageCheckDamagedFiles, telemetry.ExtensionStorageCheckPoisonedFiles} {
		c.Add(context.Background(), 0) // the series exist before the first event
	}
	return &storageCheck{id: set.ID, dir: cfg.Directory, maxFaults: cfg.SetAsideAfter, logger: set.Logger, telemetry: telemetry}, nil
}

// Start checks every file. Components open their files when they start, which is after all
// extensions have started. Start returns an error if the directory cannot be read or a damaged
// file cannot be renamed: the process would crash when a component opens the file.
func (s *storageCheck) Start(ctx context.Context, host component.Host) error {
	s.started = time.Now()
	if err := s.checkAll(ctx); err != nil {
		return err
	}
	s.unpost = condition.Post(host, component.KindExtension, s.id, func() []condition.Finding { return s.findings(time.Now()) })
	return nil
}

func (s *storageCheck) checkAll(ctx context.Context) error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // file_storage creates it
	}
	if err != nil {
		return fmt.Errorf("directory: cannot look for storage files; make the user that runs the collector the owner of the folder: %w", err)
	}
	s.begin()
	loop := s.maxFaults > 0 && s.end.Faults >= s.maxFaults
	began, checked := time.Now(), 0
	for _, e := range entries {
		if !storageFile(e.Name()) || !s.regular(e) {
			continue
		}
		if err := s.check(ctx, e.Name()); err != nil {
			return errors.Join(err, s.close())
		}
		if loop && exporterQueue(e.Name()) {
			s.retire(ctx, e.Name())
		}
		checked++
	}
	if loop && s.run != nil {
		if err := s.run.Forgive(); err != nil {
			s.logger.Warn("Failed to write the record of this process", zap.Error(err))
		}
	}
	s.logger.Debug("Checked storage files", zap.Int("files", checked), zap.Duration("took", time.Since(began)))
	return nil
}

// regular reports whether an entry of the directory is a file, or a link to one.
func (s *storageCheck) regular(e fs.DirEntry) bool {
	if e.Type() != fs.ModeSymlink {
		return e.Type().IsRegular()
	}
	info, err := os.Stat(filepath.Join(s.dir, e.Name()))
	return err == nil && info.Mode().IsRegular()
}

// check inspects one file, and sets it aside if it is damaged.
func (s *storageCheck) check(ctx context.Context, name string) error {
	path := filepath.Join(s.dir, name)
	state, damage := boltfile.Inspect(path)
	switch {
	case state == boltfile.Busy && damage == nil:
		s.logger.Warn("Storage file is in use by another process, such as a second collector, and is not checked; a component that needs it fails with \"timeout\". "+
			"Give each collector a directory of its own (STATE_DIR in the shipped configurations)", zap.String("directory", s.dir), zap.String("file", name))
		return nil
	case state == boltfile.OneHead:
		s.logger.Warn("One of the two headers of a storage file is damaged, and the other one is used; the last write may be lost", zap.String("file", path))
		return nil
	case damage == nil:
		return nil
	case !isDamage(damage):
		// The component that needs the file reports it.
		s.logger.Warn("Failed to check a storage file", zap.String("file", path), zap.Error(damage))
		return nil
	}
	s.telemetry.ExtensionStorageCheckDamagedFiles.Add(ctx, 1)
	aside, err := boltfile.SetAside(path)
	if aside == "" {
		return fmt.Errorf("%s is damaged (%w) and cannot be set aside: %w", path, damage, err)
	}
	s.aside = append(s.aside, aside)
	s.logger.Error("Storage file is damaged and was set aside; its content is lost",
		zap.String("file", path), zap.String("set_aside", aside), zap.Error(damage))
	if err != nil {
		s.logger.Warn("Failed to remove the file that was set aside earlier", zap.Error(err))
	}
	return nil
}

// isDamage reports whether an error of boltfile.Inspect means that the file is damaged. A missing
// permission, file descriptor or lock on a network disk does not.
func isDamage(err error) bool {
	return errors.Is(err, boltfile.ErrDamaged) || errors.Is(err, syscall.EIO)
}

// findings returns the condition that files were set aside at the start, if any were.
func (s *storageCheck) findings(now time.Time) []condition.Finding {
	if len(s.aside) == 0 || now.Sub(s.started) >= asideDuration {
		return nil
	}
	return []condition.Finding{{
		Name: condition.StorageDamaged, Since: s.started,
		Message: fmt.Sprintf("%d queue or checkpoint files were set aside: %s", len(s.aside), condition.Paths(s.aside)),
	}}
}

// Shutdown implements component.Component.
func (s *storageCheck) Shutdown(context.Context) error {
	if s.unpost != nil {
		s.unpost()
	}
	s.telemetry.Shutdown()
	if err := s.close(); err != nil { // not returned: a reload would fail
		s.logger.Warn("Failed to record the end of this process", zap.Error(err))
	}
	return nil
}

func (s *storageCheck) close() error {
	if s.run == nil {
		return nil
	}
	run := s.run
	s.run = nil
	return run.Close()
}
