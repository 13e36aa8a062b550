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
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/extension/storagecheckextension/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
	"github.com/otelcol-tenant/otelcol-tenant/internal/lastend"
)

// storageCheck checks the files of a folder once, when it starts.
type storageCheck struct {
	id        component.ID
	dir       string
	most      int // faults in a row; 0: any number
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
	return &storageCheck{id: set.ID, dir: cfg.Directory, most: cfg.SetAsideAfter, logger: set.Logger, telemetry: telemetry}, nil
}

// Start checks every file. Components open theirs when they start, which is after
// all extensions have. It returns an error only if a damaged file cannot be moved:
// a component that opened it would end the process.
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
		return nil // file_storage makes it
	}
	if err != nil {
		return fmt.Errorf("directory: cannot look for storage files, give the folder to the user that the collector runs as: %w", err)
	}
	s.begin()
	loop := s.most > 0 && s.end.Faults >= s.most
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
			s.logger.Warn("Cannot write the record of this process", zap.Error(err))
		}
	}
	s.logger.Debug("Checked storage files", zap.Int("files", checked), zap.Duration("took", time.Since(began)))
	return nil
}

// regular says whether an entry of the folder is a file, or a link to one.
func (s *storageCheck) regular(e fs.DirEntry) bool {
	if e.Type() != fs.ModeSymlink {
		return e.Type().IsRegular()
	}
	info, err := os.Stat(filepath.Join(s.dir, e.Name()))
	return err == nil && info.Mode().IsRegular()
}

// check looks at one file and sets it aside if it is damaged.
func (s *storageCheck) check(ctx context.Context, name string) error {
	path := filepath.Join(s.dir, name)
	state, damage := boltfile.Inspect(path)
	switch {
	case state == boltfile.Busy && damage == nil:
		s.logger.Warn("Storage file is in use by another process, such as a second collector, and is not checked; a component that needs it fails with \"timeout\". "+
			"Give each collector a directory of its own (STATE_DIR in the shipped configurations)", zap.String("directory", s.dir), zap.String("file", name))
		return nil
	case state == boltfile.OneHead:
		s.logger.Warn("Storage file has one damaged head and goes on with the other; what was written last may be lost", zap.String("file", path))
		return nil
	case damage == nil:
		return nil
	case !isDamage(damage):
		// The component that needs the file reports it.
		s.logger.Warn("Cannot look at storage file", zap.String("file", path), zap.Error(damage))
		return nil
	}
	s.telemetry.ExtensionStorageCheckDamagedFiles.Add(ctx, 1)
	aside, err := boltfile.SetAside(path)
	if aside == "" {
		return fmt.Errorf("%s is damaged (%w) and cannot be set aside: %w", path, damage, err)
	}
	s.aside = append(s.aside, aside)
	s.logger.Error("Storage file is damaged and was set aside; what it held is lost",
		zap.String("file", path), zap.String("set_aside", aside), zap.Error(damage))
	if err != nil {
		s.logger.Warn("Cannot remove what was set aside before", zap.Error(err))
	}
	return nil
}

// isDamage says whether a file that could not be looked at to its end is lost. It is not for
// want of permission, of file descriptors, or of a lock on a network disk.
func isDamage(err error) bool {
	return errors.Is(err, boltfile.ErrDamaged) || errors.Is(err, syscall.EIO)
}

// Shutdown implements component.Component.
func (s *storageCheck) Shutdown(context.Context) error {
	if s.unpost != nil {
		s.unpost()
	}
	s.telemetry.Shutdown()
	if err := s.close(); err != nil { // returned, it would end a reload
		s.logger.Warn("Cannot write how this process ends", zap.Error(err))
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
