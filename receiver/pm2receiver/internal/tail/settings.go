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
)

// Settings of a [Tailer] and of its streams.
type Settings struct {
	// Decoder makes the decoder of a stream.
	Decoder func(name Name, state decode.State) Decoder
	// Consume hands records on once. It returns nil if they were accepted, or
	// refused for good; otherwise what is to be sent again, or nothing if that is
	// all of them.
	Consume func(ctx context.Context, logs plog.Logs) (rest plog.Logs, partly bool, err error)
	// Store keeps checkpoints. nil keeps none.
	Store *Store
	// FromEnd is whether files that are there when the first Tailer on a store
	// starts are read from their end.
	FromEnd bool
	// MaxPause is how long at most to wait before what was refused is sent again. Zero
	// is five seconds.
	MaxPause time.Duration
	// PollInterval is how often files are looked at.
	PollInterval time.Duration
	// Now is the clock.
	Now func() time.Time
	// Meter counts what happens.
	Meter Meter
	// Recovery recovers from panics, so that neither a line nor a file ends the process.
	Recovery *recovery.Recoverer
	// Logger takes what an operator should know.
	Logger *zap.Logger

	// AnyOwner admits files and links of any owner.
	AnyOwner bool
	// Own knows the files that this process writes, of which it reads none. nil knows
	// none.
	Own *admit.Own
	// MaxBuffer bounds the memory of what is read and not yet accepted, of all streams
	// together. Zero is 64 MiB.
	MaxBuffer int64

	gate   *admit.Gate
	memory *pools
	skips  *skips
	// exclusion is that of the Finder.
	exclusion *exclusion
	listings  *listings
	stopping  *atomic.Bool // Shutdown was called

	slots  chan struct{}                                  // each stream that has records in memory holds one
	others func(s *stream, at status) (open, past []Mark) // what other streams have of a file
}

// Meter counts. Its methods may be called concurrently.
type Meter interface {
	// Read is called for each block that was accepted.
	Read(bytes int, stats decode.Stats)
	// Truncated is called when a file no longer holds what was read from it.
	Truncated()
	// Rotated is called when the file at a path is another one.
	Rotated()
	// Recovered is called when a copy holds what was not read from its original.
	Recovered()
	// Skipped is called when it is found that a file may not be read.
	Skipped(reason admit.Reason)
	// Passed is called for NULs that are no part of a line.
	Passed(bytes int64)
	// Split is called when what a stream held back was handed on for want of memory.
	Split()
	// Lost is called for a line that cannot be decoded.
	Lost()
	// Redelivered is called for records that were sent again after a refusal.
	Redelivered(records int)
}
