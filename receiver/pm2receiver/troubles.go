package pm2receiver

import (
	"time"

	"go.uber.org/zap"
)

// quiet is how long a trouble that lasts, or comes and goes, is not logged again.
const quiet = 30 * time.Minute

// maxKinds bounds the kinds of trouble that are remembered.
const maxKinds = 1024

// troubles logs what goes wrong at every collection, but each kind of it rarely. It
// is not safe for concurrent use.
type troubles struct {
	logger *zap.Logger
	now    func() time.Time
	logged map[string]time.Time // by kind, of which there are few
}

func newTroubles(logger *zap.Logger, now func() time.Time) *troubles {
	return &troubles{logger: logger, now: now, logged: map[string]time.Time{}}
}

// met logs a trouble unless its kind was logged lately, and reports whether it did.
func (t *troubles) met(kind, message string, fields ...zap.Field) bool {
	if last, has := t.logged[kind]; has && t.now().Sub(last) < quiet {
		return false
	}
	if len(t.logged) >= maxKinds {
		clear(t.logged)
	}
	t.logged[kind] = t.now()
	t.logger.Warn(message, fields...)
	return true
}
