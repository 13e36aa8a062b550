package tail

import (
	"bytes"
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

// maxSingle is how many records of lines that are decoded one by one make a batch.
const maxSingle = 256

// decode decodes a block. If that panics, it decodes the lines of the block one by one:
// those that panic alone are lost and counted, and the others are not. Like a decoder, it
// calls full with the same batches for the same block and state. What was handed to full
// before the panic is handed out once more, with the same uids.
// before is the state that the decoder has.
func (s *stream) decode(block []byte, src decode.Source, base int64, before decode.State, full func(plog.Logs)) (logs plog.Logs, stats decode.Stats) {
	if s.tryDecode(block, src, base, full, &logs, &stats) {
		return logs, stats
	}
	s.restart(before)
	logs, stats = plog.NewLogs(), decode.Stats{}
	for line := range bytes.Lines(block) {
		var records plog.Logs
		var of decode.Stats
		before := s.decoder.State()
		if s.tryDecode(line, src, base, full, &records, &of) {
			stats.Add(of)
			records.ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
		} else {
			s.restart(before)
			s.lose(src, base)
		}
		if logs.LogRecordCount() >= maxSingle {
			full(logs)
			logs = plog.NewLogs()
		}
		base += int64(len(line))
	}
	return logs, stats
}

// tryDecode reports false if decoding panicked.
func (s *stream) tryDecode(block []byte, src decode.Source, base int64, full func(plog.Logs), logs *plog.Logs, stats *decode.Stats) bool {
	return s.set.Recovery.Run("decoding log lines", func() {
		*logs, *stats = s.decoder.Decode(block, src, base, s.set.Now(), full)
	}) == nil
}

// handOut flushes the decoder. If that panics, what it held back is lost.
func (s *stream) handOut(src decode.Source, now time.Time, everything bool) (logs plog.Logs, stats decode.Stats) {
	err := s.set.Recovery.Run("decoding log lines", func() {
		logs, stats = s.decoder.Flush(src, now, everything)
	})
	if err != nil {
		s.restart(decode.State{})
		s.lose(src, 0)
		return plog.NewLogs(), decode.Stats{}
	}
	return logs, stats
}

// restart replaces a decoder that panicked.
func (s *stream) restart(state decode.State) {
	s.decoder = s.set.Decoder(ParseName(s.base), state)
}

func (s *stream) lose(src decode.Source, offset int64) {
	s.set.Meter.Lost()
	if now := s.set.Now(); now.Sub(s.lost) >= seldom {
		s.lost = now
		s.set.Logger.Error("a line cannot be decoded and is lost", zap.String("path", s.path), zap.String("file", src.Name), zap.Int64("offset", offset))
	}
}

// safely calls f, a step of a goroutine that goes on if it panics.
func (s *Settings) safely(doing string, f func()) { _ = s.Recovery.Run(doing, f) }

// stepSafely is step. What was being read when it panics is read again at the next poll.
func (s *stream) stepSafely(ctx context.Context) {
	err := s.set.Recovery.Run("reading a log file", func() { s.step(ctx) })
	if err != nil {
		s.watch.deadline.Store(true)
	}
}
