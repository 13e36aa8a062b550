package tail

import (
	"context"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 5 * time.Second
)

// deliver hands on the records of a block and moves the frontier over it once they
// are accepted. It returns an error only if ctx ended before: then nothing has
// moved.
func (s *stream) deliver(ctx context.Context, f *file, b block) error {
	if f.mark.ID == 0 {
		s.count++
		f.mark.ID = identify(s.path, s.count, firstLine(b.lines))
	}
	src := decode.Source{ID: f.mark.ID, Name: f.mark.Name}
	stats, err := s.send(ctx, func(before decode.State, full func(plog.Logs)) (plog.Logs, decode.Stats) {
		return s.decode(b.lines, src, f.mark.Offset, before, full)
	})
	if err != nil {
		return err
	}
	f.mark.advance(b.before, b.lines)
	s.set.Meter.Read(len(b.lines), stats)
	s.publish()
	return s.hold(ctx)
}

// hold notes how much the decoder holds back, and hands that on if there is not enough
// memory for all streams and this one has more than its share.
func (s *stream) hold(ctx context.Context) error {
	if !s.set.memory.held.set(s, int64(s.decoder.Held())) {
		return nil
	}
	src := decode.Source{Name: s.base}
	stats, err := s.send(ctx, func(decode.State, func(plog.Logs)) (plog.Logs, decode.Stats) {
		return s.handOut(src, s.set.Now(), true)
	})
	if err != nil {
		return err
	}
	s.set.Meter.Read(0, stats)
	s.set.Meter.Split()
	s.set.memory.held.set(s, int64(s.decoder.Held()))
	s.publish()
	return nil
}

func firstLine(b []byte) []byte {
	for i, c := range b {
		if c == '\n' || i == sampleSize {
			return b[:i]
		}
	}
	return b
}

// flush hands on what has waited long enough for its end.
func (s *stream) flush(ctx context.Context) {
	if !s.decoder.Pending() {
		return
	}
	src := decode.Source{Name: s.base}
	stats, err := s.send(ctx, func(decode.State, func(plog.Logs)) (plog.Logs, decode.Stats) {
		return s.handOut(src, s.set.Now(), false)
	})
	if err == nil && stats.Records > 0 {
		s.set.Meter.Read(0, stats)
		s.publish()
		s.set.memory.held.set(s, int64(s.decoder.Held()))
	}
}

// flushAll hands on everything that is held back, for a reader without checkpoints
// that ends.
func (s *stream) flushAll(ctx context.Context) {
	if !s.decoder.Pending() {
		return
	}
	logs, stats := s.handOut(decode.Source{Name: s.base}, s.set.Now(), true)
	if _, _, err := s.set.Consume(ctx, logs); err == nil {
		s.set.Meter.Read(0, stats)
	}
}

// send repeats until the records are accepted or ctx ends. They are decoded again for
// every attempt: a consumer that refuses may have changed them.
//
// Records of a block that are too many for one batch are sent while it is decoded, so
// that they are never all in memory.
func (s *stream) send(ctx context.Context, decodeBlock func(before decode.State, full func(plog.Logs)) (plog.Logs, decode.Stats)) (decode.Stats, error) {
	held := s.enter(ctx)
	defer func() { s.leave(held) }()
	if !held {
		return decode.Stats{}, context.Canceled
	}
	before := s.decoder.State()
	accepted, n := 0, 0 // full batches, in all and in this attempt
	var ended error
	full := func(logs plog.Logs) {
		if n++; n > accepted && ended == nil {
			if ended = s.insist(ctx, logs); ended == nil {
				accepted++
			}
		}
	}
	logs, stats := decodeBlock(before, full)
	for pause := min(firstPause, s.set.MaxPause); ; pause = min(2*pause, s.set.MaxPause) {
		if ended != nil {
			s.decoder.Restore(before)
			return stats, ended
		}
		if logs.LogRecordCount() == 0 {
			return stats, nil
		}
		rest, partly, err := s.set.Consume(ctx, logs)
		if err == nil {
			return stats, nil
		}
		logs = rest // while it waits nothing else is kept
		s.leave(held)
		waited := wait(ctx, pause)
		if held = s.enter(ctx); !held || !waited {
			s.decoder.Restore(before)
			return stats, context.Canceled
		}
		if !partly {
			s.decoder.Restore(before)
			n = 0
			logs, stats = decodeBlock(before, full)
		}
		s.set.Meter.Redelivered(logs.LogRecordCount())
	}
}

// enter waits until few enough streams have records in memory, and reports false if ctx
// ended before.
func (s *stream) enter(ctx context.Context) bool {
	select {
	case s.set.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *stream) leave(held bool) {
	if held {
		<-s.set.slots
	}
}

// insist sends a full batch until it is accepted or ctx ends.
func (s *stream) insist(ctx context.Context, logs plog.Logs) error {
	for pause := min(firstPause, s.set.MaxPause); ; pause = min(2*pause, s.set.MaxPause) {
		attempt := plog.NewLogs()
		logs.CopyTo(attempt)
		rest, partly, err := s.set.Consume(ctx, attempt)
		if err == nil {
			return nil
		}
		if partly {
			logs = rest
		}
		if !wait(ctx, pause) {
			return context.Canceled
		}
		s.set.Meter.Redelivered(logs.LogRecordCount())
	}
}

// wait waits for about pause and reports false if ctx ended before.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause/2 + rand.N(pause))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
