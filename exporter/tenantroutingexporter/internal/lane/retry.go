// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

// retry puts a batch back that may be delivered later, and delays the next attempt of the lane.
func (s *Scheduler) retry(l *lane, b *Batch, res *Result, now time.Time) {
	if s.draining {
		// There is no later attempt, and the rest of the lane would fail too.
		s.drop(l, append(l.expired(now.Add(s.MaxAge)), b.portion), ReasonShutdown)
		return
	}
	l.requeue(b.portion)
	l.answer = res.answer(now)
	first := !l.breaker.failing()
	opens := l.breaker.fail(failure{at: now, blocked: res.Verdict == Blocked, retryAfter: res.RetryAfter})
	// A failure that an operator has to end is logged again when its reason changes.
	if first || opens || res.Verdict == Blocked && res.Reason != l.loggedReason {
		l.loggedReason = res.Reason
		s.Logger.Warn(failureText(res), append(fields(b, res), urlField(res),
			zap.Int("failures", l.breaker.failures), zap.Duration("wait", l.breaker.retryAt.Sub(now)))...)
	}
}

// succeeded records that the destination answers.
func (s *Scheduler) succeeded(l *lane, now time.Time) {
	since := l.breaker.since
	if l.breaker.succeed() {
		s.Logger.Info("A destination takes data again", zap.String("tenant", string(l.key.Tenant)),
			zap.String("destination", l.key.Destination), zap.Stringer("signal", l.key.Signal), zap.Duration("after", now.Sub(since)))
	}
	l.answer, l.delivered = nil, now
}

// Reasons of failures that targets report and that have a text of their own.
const (
	ReasonKeyNotSent = "key_not_sent" // it would have been sent without TLS
	ReasonNotHTTP    = "not_http"     // the server speaks another protocol
)

// Reasons of failures that are not an answer of the destination.
const (
	reasonStorage    = "storage"
	reasonDeadLetter = "dead_letter"
)

// failureText is the log message of a failed attempt.
func failureText(res *Result) string {
	if res.Reason == ReasonKeyNotSent {
		return "The key is not sent to a destination, because its address has no TLS; its lane waits"
	}
	switch res.Class {
	case healthboard.AnswerRejected:
		return "A destination rejects the credentials; its lane waits and tries again until they are accepted"
	case healthboard.AnswerNotFound:
		return "Nothing accepts data at the address of a destination; its lane waits and tries again"
	case healthboard.AnswerUnreachable:
		return "A destination cannot be reached; its lane waits and tries again"
	}
	switch res.Reason {
	case reasonStorage:
		return "Queued data cannot be read from storage; its lane waits and tries again"
	case reasonDeadLetter:
		return "A dead letter cannot be written; its lane waits and tries again"
	}
	return "A destination does not take data; its lane waits"
}
