package storagecheckextension

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension/internal/boltfile"
	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension/internal/metadata"
)

// storageCheck checks the files of a folder once, when it starts.
type storageCheck struct {
	dir       string
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	now       func() time.Time
}

var _ extension.Extension = (*storageCheck)(nil)

func newStorageCheck(set extension.Settings, cfg *Config) (*storageCheck, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &storageCheck{dir: cfg.Directory, logger: set.Logger, telemetry: telemetry, now: time.Now}, nil
}

// Start checks every file. Components open theirs when they start, which is after
// all extensions have. It returns an error only if a damaged file cannot be moved:
// whoever opened it would end the process.
func (s *storageCheck) Start(ctx context.Context, _ component.Host) error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // file_storage makes it
	}
	if err != nil {
		return fmt.Errorf("looking for storage files: %w", err)
	}
	began, checked := s.now(), 0
	for _, e := range entries {
		if !e.Type().IsRegular() || !storageFile(e.Name()) {
			continue
		}
		if err := s.check(ctx, e.Name()); err != nil {
			return err
		}
		checked++
	}
	s.logger.Debug("checked storage files", zap.Int("files", checked), zap.Duration("took", s.now().Sub(began)))
	return nil
}

// check looks at one file and sets it aside if it is damaged.
func (s *storageCheck) check(ctx context.Context, name string) error {
	path := filepath.Join(s.dir, name)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		s.logger.Warn("cannot look at storage file", zap.String("file", path), zap.Error(err))
		return nil // it is not damage: whoever needs the file will tell
	}
	defer func() { _ = f.Close() }()
	if !lock(f) {
		s.logger.Warn("storage file is in use and is not checked; does another collector run here?", zap.String("file", path))
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("looking at %s: %w", path, err)
	}
	damage := boltfile.Check(f, info.Size())
	if damage == nil {
		return nil
	}
	s.telemetry.ExtensionStorageCheckDamagedFiles.Add(ctx, 1)
	aside := setAsideName(path, s.now())
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("%s is damaged (%w) and cannot be set aside: %w", path, damage, err)
	}
	s.logger.Error("storage file is damaged and was set aside; what it held is lost",
		zap.String("file", path), zap.String("set_aside", aside), zap.Int64("bytes", info.Size()), zap.Error(damage))
	return s.keepNewest(path, aside)
}

// keepNewest removes what was set aside of the same file before.
func (s *storageCheck) keepNewest(path, newest string) error {
	all, err := filepath.Glob(globEscape(path) + ".*" + asideSuffix)
	if err != nil {
		return fmt.Errorf("looking for files set aside before: %w", err)
	}
	for _, old := range all {
		if old == newest {
			continue
		}
		if err := os.Remove(old); err != nil {
			s.logger.Warn("cannot remove a file set aside before", zap.String("file", old), zap.Error(err))
		}
	}
	return nil
}

// Shutdown implements component.Component.
func (s *storageCheck) Shutdown(context.Context) error {
	s.telemetry.Shutdown()
	return nil
}
