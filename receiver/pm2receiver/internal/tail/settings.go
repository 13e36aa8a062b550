// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/finder"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/folder"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/memory"
)

// Settings are those of a [Tailer].
type Settings struct {
	// Finder says which files to read. Its fields AnyOwner, Own, Now and Skipped are set by
	// New.
	Finder finder.Settings
	// AnyOwner admits files and links of any owner.
	AnyOwner bool
	// Own knows the files that this process writes, none of which is read. It may be nil.
	Own *admit.Own

	// Decoder returns a decoder that continues with state.
	Decoder func(name logname.Name, state decode.State) Decoder
	// Consume passes records to the next consumer once. It returns nil if they were accepted
	// or permanently rejected. With an error, rest holds the records to send again if partly is
	// set; otherwise all are sent again.
	Consume func(ctx context.Context, logs plog.Logs) (rest plog.Logs, partly bool, err error)
	// Store keeps checkpoints. nil keeps none.
	Store *checkpoint.Store
	// FromEnd is whether files that exist when the store is used for the first time are read
	// from their end.
	FromEnd bool
	// MaxBackoff is the longest time until rejected records are sent again. Zero is five
	// seconds.
	MaxBackoff time.Duration
	// PollInterval is how often files are checked for changes.
	PollInterval time.Duration
	// MaxBuffer bounds the memory, in bytes, of what was read and not yet accepted, of all
	// files together. Zero is 64 MiB.
	MaxBuffer int64

	// Now is the clock.
	Now func() time.Time
	// Meter counts events.
	Meter Meter
	// Recovery recovers from panics, so that neither a line nor a file ends the process.
	Recovery *recovery.Recoverer
	// Logger logs what an operator must know.
	Logger *zap.Logger
}

// Decoder turns the blocks of one log into records, in their order. [decode.Decoder] is that
// of the files of applications.
type Decoder interface {
	// Decode returns the records of whole lines that begin at offset base of src. It calls
	// full with each batch that is complete before the end of the block.
	Decode(block []byte, src decode.Source, base int64, now time.Time, full func(plog.Logs)) (plog.Logs, decode.Stats)
	// Flush returns records of lines that have waited long enough for their end, or of all.
	Flush(src decode.Source, now time.Time, everything bool) (plog.Logs, decode.Stats)
	// Pending reports whether lines wait for their end.
	Pending() bool
	// Held returns the approximate size of State in bytes.
	Held() int
	State() decode.State
	Restore(state decode.State)
}

// Meter counts events. Its methods must be safe for concurrent use.
type Meter interface {
	// Read counts an accepted block.
	Read(bytes int, stats decode.Stats)
	// Truncated counts a file that no longer holds what was read from it.
	Truncated()
	// Rotated counts a file at a path that was replaced by another one.
	Rotated()
	// Recovered counts a rotated copy with something that was not read from its original.
	Recovered()
	// Skipped counts a file that may not be read.
	Skipped(reason admit.Reason)
	// Passed counts NULs that belong to no line.
	Passed(bytes int64)
	// Split counts a log whose partial lines were sent because memory was short.
	Split()
	// Lost counts a line that cannot be decoded.
	Lost()
	// Redelivered counts records that were sent again after the next consumer rejected them.
	Redelivered(records int)
}

// shared is what all logs of a Tailer use. It is safe for concurrent use.
type shared struct {
	Settings
	finder   *finder.Finder
	memory   *memory.Memory
	skipped  *skippedFiles
	listings *folder.Listings
	stopping atomic.Bool // Shutdown was called

	decoding   chan struct{} // holds one element for each log with records in memory
	positionOf func(l *log, at logfile.Status) positions
}

// positions are what other logs know of a file.
type positions struct {
	// open are those of files that they have open.
	open []checkpoint.File
	// gone are those of contents that they no longer have open, the shortest first.
	gone []checkpoint.File
}

// open opens a file for reading, if the rules allow it. It refuses anything but regular
// files, such as the pipes and devices that PM2 lets an application name.
func (s *shared) open(path string) (logfile.File, error) {
	f, err := s.finder.Gate().Open(path)
	if err != nil {
		return nil, err
	}
	return logfile.New(f, isGzip(path), &s.stopping), nil
}

// safely calls f, a step of a goroutine that must continue if the step panics.
func (s *shared) safely(doing string, f func()) { _ = s.Recovery.Run(doing, f) }
