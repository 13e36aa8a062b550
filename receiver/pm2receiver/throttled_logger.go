// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"time"

	"go.uber.org/zap"
)

const (
	// throttlePeriod is how long a message of one kind is not logged again.
	throttlePeriod = 30 * time.Minute
	// maxThrottledKinds bounds the kinds of messages that are remembered.
	maxThrottledKinds = 1024
)

// throttledLogger logs warnings that may recur at every collection, each kind at most once
// in throttlePeriod. It is not safe for concurrent use.
type throttledLogger struct {
	logger *zap.Logger
	now    func() time.Time
	logged map[string]time.Time // by kind
}

func newThrottledLogger(logger *zap.Logger, now func() time.Time) *throttledLogger {
	return &throttledLogger{logger: logger, now: now, logged: map[string]time.Time{}}
}

// warn logs a warning unless one of its kind was logged within throttlePeriod. It reports
// whether it did.
func (t *throttledLogger) warn(kind, message string, fields ...zap.Field) bool {
	if last, has := t.logged[kind]; has && t.now().Sub(last) < throttlePeriod {
		return false
	}
	if len(t.logged) >= maxThrottledKinds {
		clear(t.logged)
	}
	t.logged[kind] = t.now()
	t.logger.Warn(message, fields...)
	return true
}
