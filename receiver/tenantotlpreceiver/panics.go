package tenantotlpreceiver

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// panicLogInterval is the time between log lines about panics. A sender that found
// a request that panics can send it as often as it likes.
const panicLogInterval = 10 * time.Second

// panicError is a panic while a request was handled.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// safely calls f and returns a panic in it as an error.
func safely(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value: value, stack: debug.Stack()}
		}
	}()
	return f()
}

// panicReporter counts panics and logs some of them. It is safe for concurrent use.
type panicReporter struct {
	logger  *zap.Logger
	counter metric.Int64Counter
	attrs   metric.MeasurementOption
	now     func() time.Time

	mu     sync.Mutex
	next   time.Time // when the next one is logged
	silent int       // panics since the last log line
}

func newPanicReporter(logger *zap.Logger, counter metric.Int64Counter, transport string) *panicReporter {
	return &panicReporter{
		logger: logger, counter: counter, now: time.Now,
		attrs: metric.WithAttributeSet(attribute.NewSet(attribute.String("transport", transport))),
	}
}

// report returns whether err is a panic, and if so counts it.
func (p *panicReporter) report(ctx context.Context, err error) bool {
	var failure *panicError
	if !errors.As(err, &failure) {
		return false
	}
	p.counter.Add(ctx, 1, p.attrs)
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Before(p.next) {
		p.silent++
		return true
	}
	p.logger.Error("a request was answered with an internal error because of a panic: please report it",
		zap.String("panic", fmt.Sprint(failure.value)), zap.ByteString("stack", failure.stack), zap.Int("panics_not_logged", p.silent))
	p.next, p.silent = now.Add(panicLogInterval), 0
	return true
}
