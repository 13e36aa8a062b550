// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"bytes"
	"context"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/reader"
)

const (
	initialBackoff = 50 * time.Millisecond
	maxBackoff     = 5 * time.Second
	// maxLineBatch is how many records of lines that are decoded one by one make a batch.
	maxLineBatch = 256
)

// decodeFunc decodes the same records each time it is called with the same state. It calls
// full with each batch that is complete before the last one, which it returns.
type decodeFunc func(before decode.State, full func(plog.Logs)) (plog.Logs, decode.Stats)

// deliver sends the records of a block, and advances the position of its file once they are
// accepted. It releases the block. It returns an error only if ctx ends first: then the
// position is unchanged.
func (l *log) deliver(ctx context.Context, f *reader.Reader, b *reader.Block) error {
	defer b.Release()
	if f.Position.ID == 0 {
		l.contents++
		f.Position.ID = checkpoint.ContentID(l.path, l.contents, firstLine(b.Lines))
	}
	src := decode.Source{ID: f.Position.ID, Name: f.Position.Name}
	stats, err := l.send(ctx, func(before decode.State, full func(plog.Logs)) (plog.Logs, decode.Stats) {
		return l.decode(b.Lines, src, f.Position.Offset, before, full)
	})
	if err != nil {
		return err
	}
	size := len(b.Lines)
	f.Accept(b)
	l.set.Meter.Read(size, stats)
	l.publish()
	return l.boundPartialLines(ctx)
}

// boundPartialLines sends what the decoder holds back, if all logs together hold too much and
// this one holds more than its share.
func (l *log) boundPartialLines(ctx context.Context) error {
	if !l.share.Set(int64(l.decoder.Held())) {
		return nil
	}
	stats, err := l.send(ctx, func(decode.State, func(plog.Logs)) (plog.Logs, decode.Stats) {
		return l.decodeHeld(true)
	})
	if err != nil {
		return err
	}
	l.set.Meter.Read(0, stats)
	l.set.Meter.Split()
	l.share.Set(int64(l.decoder.Held()))
	l.publish()
	return nil
}

// flush sends lines that have waited long enough for their end.
func (l *log) flush(ctx context.Context) {
	if !l.decoder.Pending() {
		return
	}
	stats, err := l.send(ctx, func(decode.State, func(plog.Logs)) (plog.Logs, decode.Stats) {
		return l.decodeHeld(false)
	})
	if err == nil && stats.Records > 0 {
		l.set.Meter.Read(0, stats)
		l.publish()
		l.share.Set(int64(l.decoder.Held()))
	}
}

// flushAll sends everything that is held back, once. Without checkpoints it would be lost at
// shutdown.
func (l *log) flushAll(ctx context.Context) {
	if !l.decoder.Pending() {
		return
	}
	logs, stats := l.decodeHeld(true)
	if _, _, err := l.consume(ctx, logs); err == nil {
		l.set.Meter.Read(0, stats)
	}
}

// send decodes records and sends them until they are accepted or ctx ends. It decodes them
// again for every attempt: a consumer that rejects them may have changed them.
//
// It sends a batch that is complete while the rest of the block is decoded, so that the
// records of a block are never all in memory.
func (l *log) send(ctx context.Context, decodeBlock decodeFunc) (decode.Stats, error) {
	decoding := l.beginDecoding(ctx)
	defer func() { l.endDecoding(decoding) }()
	if !decoding {
		return decode.Stats{}, context.Canceled
	}
	before := l.decoder.State()
	accepted, n := 0, 0 // complete batches, in all attempts and in this one
	var ended error
	full := func(logs plog.Logs) {
		if n++; n > accepted && ended == nil {
			if ended = l.sendBatch(ctx, logs); ended == nil {
				accepted++
			}
		}
	}
	logs, stats := decodeBlock(before, full)
	for backoff := min(initialBackoff, l.set.MaxBackoff); ; backoff = min(2*backoff, l.set.MaxBackoff) {
		if ended != nil {
			l.decoder.Restore(before)
			return stats, ended
		}
		if logs.LogRecordCount() == 0 {
			return stats, nil
		}
		rest, partly, err := l.consume(ctx, logs)
		if err == nil {
			return stats, nil
		}
		logs = rest // releases the others during the backoff
		l.endDecoding(decoding)
		waited := sleep(ctx, backoff)
		if decoding = l.beginDecoding(ctx); !decoding || !waited {
			l.decoder.Restore(before)
			return stats, context.Canceled
		}
		if !partly {
			l.decoder.Restore(before)
			n = 0
			logs, stats = decodeBlock(before, full)
		}
		l.set.Meter.Redelivered(logs.LogRecordCount())
	}
}

// sendBatch sends a complete batch until it is accepted or ctx ends.
func (l *log) sendBatch(ctx context.Context, logs plog.Logs) error {
	for backoff := min(initialBackoff, l.set.MaxBackoff); ; backoff = min(2*backoff, l.set.MaxBackoff) {
		attempt := plog.NewLogs()
		logs.CopyTo(attempt)
		rest, partly, err := l.consume(ctx, attempt)
		if err == nil {
			return nil
		}
		if partly {
			logs = rest
		}
		if !sleep(ctx, backoff) {
			return context.Canceled
		}
		l.set.Meter.Redelivered(logs.LogRecordCount())
	}
}

// rejected are records that wait in their file.
type rejected struct {
	since time.Time // of the first of the failed attempts in a row
	err   error     // of the last one
}

// consume passes records to the next consumer once, and keeps for [Tailer.Faults] whether it rejects
// them.
func (l *log) consume(ctx context.Context, logs plog.Logs) (rest plog.Logs, partly bool, err error) {
	rest, partly, err = l.set.Consume(ctx, logs)
	if err == nil {
		l.rejected.Store(nil)
		return rest, partly, nil
	}
	r := &rejected{since: l.set.Now(), err: err}
	if before := l.rejected.Load(); before != nil {
		r.since = before.since
	}
	l.rejected.Store(r)
	return rest, partly, err
}

// beginDecoding waits until few enough logs have records in memory. It reports false if ctx
// ends first.
func (l *log) beginDecoding(ctx context.Context) bool {
	select {
	case l.set.decoding <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *log) endDecoding(began bool) {
	if began {
		<-l.set.decoding
	}
}

// decode decodes a block. If that panics, it decodes the lines one by one. If one of them
// panics again, either the lines that the decoder holds back are lost, or that line, and
// counted. Batches that were passed to full before the panic are decoded once more, with the
// same log.record.uid. before is the present state of the decoder.
func (l *log) decode(block []byte, src decode.Source, base int64, before decode.State, full func(plog.Logs)) (plog.Logs, decode.Stats) {
	if logs, stats, ok := l.tryDecode(block, src, base, full); ok {
		return logs, stats
	}
	l.restartDecoder(before)
	logs, stats := plog.NewLogs(), decode.Stats{}
	for line := range bytes.Lines(block) {
		if records, lineStats, ok := l.decodeLine(line, src, base, full); ok {
			stats.Add(lineStats)
			records.ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
		}
		if logs.LogRecordCount() >= maxLineBatch {
			full(logs)
			logs = plog.NewLogs()
		}
		base += int64(len(line))
	}
	return logs, stats
}

// decodeLine decodes one line. If that panics, it decodes the line without the lines that are
// held back, which may be the cause and would fail the next line as well. It reports false if
// the line itself is lost.
func (l *log) decodeLine(line []byte, src decode.Source, base int64, full func(plog.Logs)) (plog.Logs, decode.Stats, bool) {
	before := l.decoder.State()
	logs, stats, ok := l.tryDecode(line, src, base, full)
	if ok {
		return logs, stats, true
	}
	if without, held := before.WithoutHeld(); held > 0 {
		l.restartDecoder(without)
		if logs, stats, ok = l.tryDecode(line, src, base, full); ok {
			l.countLost(src, base, held)
			return logs, stats, true
		}
	}
	l.restartDecoder(before)
	l.countLost(src, base, 1)
	return plog.NewLogs(), decode.Stats{}, false
}

// tryDecode reports false if decoding panics.
func (l *log) tryDecode(block []byte, src decode.Source, base int64, full func(plog.Logs)) (logs plog.Logs, stats decode.Stats, ok bool) {
	err := l.set.Recovery.Run("decoding log lines", func() {
		logs, stats = l.decoder.Decode(block, src, base, l.set.Now(), full)
	})
	return logs, stats, err == nil
}

// decodeHeld decodes lines that the decoder holds back: those that have waited long enough, or
// everything. If that panics, everything it holds back is lost.
func (l *log) decodeHeld(everything bool) (logs plog.Logs, stats decode.Stats) {
	src := decode.Source{Name: l.base}
	err := l.set.Recovery.Run("decoding log lines", func() {
		logs, stats = l.decoder.Flush(src, l.set.Now(), everything)
	})
	if err != nil {
		state := decode.State{} // if the decoder does not even return its own
		if l.set.Recovery.Run("decoding log lines", func() { state = l.decoder.State() }) != nil {
			state = decode.State{}
		}
		without, held := state.WithoutHeld()
		l.restartDecoder(without)
		l.countLost(src, 0, max(held, 1))
		return plog.NewLogs(), decode.Stats{}
	}
	return logs, stats
}

// restartDecoder replaces a decoder that panicked.
func (l *log) restartDecoder(state decode.State) {
	l.decoder = l.set.Decoder(l.decodes, state)
}

func (l *log) countLost(src decode.Source, offset int64, lines int) {
	for range lines {
		l.set.Meter.Lost()
	}
	if now := l.set.Now(); now.Sub(l.lineLost) >= logInterval {
		l.lineLost = now
		l.set.Logger.Error("Failed to decode a line, which is lost", zap.Int("lines", lines), zap.String("path", l.path), zap.String("file", src.Name), zap.Int64("offset", offset))
	}
}

// firstLine returns the first line of b without its newline, and no more than a fingerprint
// keeps.
func firstLine(b []byte) []byte {
	for i, c := range b {
		if c == '\n' || i == fingerprint.SampleSize {
			return b[:i]
		}
	}
	return b
}

// sleep waits for about d, with jitter, and reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
