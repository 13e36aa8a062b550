package tenanthealthextension

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/confmap"
)

// maxConditionDelay bounds BeginAfter and EndAfter: an answer that is later is of no use.
const maxConditionDelay = time.Hour

// ConditionsConfig says when something that is wrong counts.
type ConditionsConfig struct {
	// BeginAfter is for how long something must be wrong until its condition begins.
	// Defaults to 10s.
	BeginAfter time.Duration `mapstructure:"begin_after"`

	// EndAfter is for how long nothing must be wrong any more until the condition ends.
	// Defaults to 10s.
	EndAfter time.Duration `mapstructure:"end_after"`

	// QueueAge is how long data may wait in a queue. Defaults to 5m.
	QueueAge time.Duration `mapstructure:"queue_age"`

	// QueueFullness is how full a queue may be, as a share of its bound. Defaults to
	// 0.8.
	QueueFullness float64 `mapstructure:"queue_fullness"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ confmap.Validator = (*ConditionsConfig)(nil)

func defaultConditions() ConditionsConfig {
	return ConditionsConfig{BeginAfter: 10 * time.Second, EndAfter: 10 * time.Second, QueueAge: 5 * time.Minute, QueueFullness: 0.8}
}

// Validate implements confmap.Validator.
func (c *ConditionsConfig) Validate() error {
	var errs []error
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"begin_after", c.BeginAfter}, {"end_after", c.EndAfter}} {
		if d.value < 0 || d.value > maxConditionDelay {
			errs = append(errs, fmt.Errorf("%q must be from 0 to %v, got %v", d.key, maxConditionDelay, d.value))
		}
	}
	if c.QueueAge <= 0 {
		errs = append(errs, fmt.Errorf(`"queue_age" must be positive, got %v`, c.QueueAge))
	}
	if !(c.QueueFullness > 0 && c.QueueFullness <= 1) { // not a number is neither
		errs = append(errs, fmt.Errorf(`"queue_fullness" must be above 0 and at most 1, got %v`, c.QueueFullness))
	}
	return errors.Join(errs...)
}
