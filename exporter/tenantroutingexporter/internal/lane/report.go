// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"time"

	"go.uber.org/zap"
)

// rejectionInterval is the least time between two log lines about what the destination of a lane rejects.
const rejectionInterval = time.Minute

// logDelivered logs a delivery whose answer an operator should know of.
func (s *Scheduler) logDelivered(l *lane, b *Batch, res *Result, now time.Time) {
	switch {
	case res.Err == nil:
	case res.Unexpected: // the target limits these itself
		s.Logger.Warn("A destination reports success, but its answer is not an OTLP answer", fields(b, res)...)
	case res.Rejected > 0:
		s.logRejected(l, now, "A destination took only part of a batch", fields(b, res))
	default:
		s.logRejected(l, now, "A destination took a batch with a warning", fields(b, res))
	}
}

// logRejected logs the first rejection of a lane in an interval. The backend decides how many there
// are, and metrics count them.
func (s *Scheduler) logRejected(l *lane, now time.Time, text string, fields []zap.Field) {
	if now.Before(l.quietUntil) {
		l.unlogged++
		return
	}
	s.Logger.Warn(text, append(fields, zap.Int64("refusals_not_logged", l.unlogged))...)
	l.quietUntil, l.unlogged = now.Add(rejectionInterval), 0
}

func fields(b *Batch, res *Result) []zap.Field {
	return []zap.Field{
		zap.String("tenant", string(b.Key.Tenant)), zap.String("destination", b.Key.Destination), zap.Stringer("signal", b.Key.Signal),
		zap.Int("records", b.Records), zap.String("reason", res.Reason), zap.Error(res.Err),
	}
}

// urlField is the address that a request was sent to.
func urlField(res *Result) zap.Field {
	if res.URL == "" {
		return zap.Skip()
	}
	return zap.String("url", res.URL)
}
