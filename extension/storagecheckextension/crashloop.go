// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package storagecheckextension

import (
	"context"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/lastend"
)

const (
	// recordName is the name of the record of this process. file_storage does not use it.
	recordName = "last_run"

	// maxRetired bounds how many queues of each name are set aside after crashes.
	maxRetired = 3
)

// LastEnd implements lastend.Holder.
func (s *storageCheck) LastEnd() lastend.End { return s.end }

// begin reads how the last process ended, and begins the record of this process.
func (s *storageCheck) begin() {
	run, end, err := lastend.Open(s.dir, recordName)
	if err != nil {
		s.logger.Warn("Failed to read how the last process ended; a queue that crashes the process at every start is not set aside", zap.Error(err))
		return
	}
	s.run, s.end = run, end
	if end.Kind.Own() {
		s.logger.Error("The last process crashed",
			zap.String("kind", string(end.Kind)), zap.String("words", end.Words), zap.Int("soon_after_start_in_a_row", end.Faults))
	}
}

// retire sets the queue of an exporter aside, because its content probably ends the process at
// every start.
func (s *storageCheck) retire(ctx context.Context, name string) {
	path := filepath.Join(s.dir, name)
	aside, err := boltfile.Retire(path, maxRetired)
	if err != nil {
		s.logger.Error("The process crashes at every start, and a queue cannot be set aside", zap.String("file", path), zap.Error(err))
		return
	}
	s.aside = append(s.aside, aside)
	s.telemetry.ExtensionStorageCheckPoisonedFiles.Add(ctx, 1)
	s.logger.Error("The process crashes at every start; a queue was set aside, and the exporter starts with an empty one. "+
		"To send its content, stop the collector and rename the file back; otherwise remove it",
		zap.String("file", path), zap.String("set_aside", aside), zap.Int("faults", s.end.Faults))
}
