// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package severity

import (
	"math"

	"go.opentelemetry.io/collector/pdata/plog"
)

// Scale is what a level number counts.
type Scale int

// The scales of loggers.
const (
	// ScaleAny is derived from the number: syslog's are below 8, pino's below 70,
	// Monolog's hundreds, log4j's thousands; slog's are negative, or 8.
	ScaleAny Scale = iota
	// ScalePino is that of pino, bunyan and roarr: 10 trace to 60 fatal.
	ScalePino
	// ScaleSyslog is 0 emergency to 7 debug, as in GELF.
	ScaleSyslog
	// ScaleSlog is Go's: -4 debug, 0 info, 4 warn, 8 error.
	ScaleSlog
	// ScalePython is Python's: 10 debug to 50 critical.
	ScalePython
	// ScaleLog4j is that of log4js, logback and log4j: 5000 trace to 50000 fatal.
	ScaleLog4j
	// ScaleMonolog is 100 debug to 600 emergency.
	ScaleMonolog
	// ScaleGoogle is Google Cloud's: 100 debug to 800 emergency.
	ScaleGoogle
	// ScaleOTel is the severity number itself.
	ScaleOTel
	// ScaleTSLog is tslog's: 0 silly to 6 fatal.
	ScaleTSLog
)

// FromLevel returns the severity number of a pino or bunyan level: 10 is trace
// and 60 is fatal; levels between are spread over the numbers between, as the
// OpenTelemetry instrumentation of pino spreads them. It reports false for numbers outside 10 to
// 69 and for fractions.
func FromLevel(level float64) (plog.SeverityNumber, bool) {
	if level < 10 || level >= 70 || level != math.Trunc(level) {
		return 0, false
	}
	switch level {
	case 10:
		return plog.SeverityNumberTrace, true
	case 20:
		return plog.SeverityNumberDebug, true
	case 30:
		return plog.SeverityNumberInfo, true
	case 40:
		return plog.SeverityNumberWarn, true
	case 50:
		return plog.SeverityNumberError, true
	case 60:
		return plog.SeverityNumberFatal, true
	}
	// Levels between take the 18 numbers that no standard level has.
	extra := int((level - 10) * 18 / 60)
	return plog.SeverityNumber(extra/3*4 + 2 + extra%3), true
}

// FromNumber returns the severity number of a level number of a scale. It reports
// false for a number that the scale does not have.
func FromNumber(level float64, scale Scale) (plog.SeverityNumber, bool) {
	if level != math.Trunc(level) || math.Abs(level) > 1e16 {
		return 0, false
	}
	switch scale {
	case ScalePino:
		return FromLevel(level)
	case ScaleSyslog:
		return pick(level, 0, 1, []plog.SeverityNumber{23, 22, 21, 17, 13, 10, 9, 5})
	case ScaleSlog:
		return bounded(int(max(-100, min(level, 100))) + 9), true
	case ScalePython:
		if level < 0 || level > 100 {
			return 0, false
		}
		return [...]plog.SeverityNumber{1, 5, 9, 13, 17, 21, 21, 21, 21, 21, 21}[int(level)/10], level > 0
	case ScaleLog4j:
		return pick(level, 5000, 5000, []plog.SeverityNumber{1, 5, 0, 9, 0, 13, 0, 17, 0, 21})
	case ScaleMonolog:
		return pick(level, 100, 50, []plog.SeverityNumber{5, 0, 9, 10, 13, 0, 17, 0, 21, 22, 23})
	case ScaleGoogle:
		return pick(level, 0, 100, []plog.SeverityNumber{0, 5, 9, 10, 13, 17, 21, 22, 23})
	case ScaleOTel:
		return plog.SeverityNumber(level), level >= 1 && level <= 24
	case ScaleTSLog:
		return pick(level, 0, 1, []plog.SeverityNumber{1, 1, 5, 9, 13, 17, 21})
	case ScaleAny:
	}
	switch {
	case level < 0 && level >= -8 || level == 8:
		return FromNumber(level, ScaleSlog)
	case level < 0:
		return 0, false
	case level < 8:
		return FromNumber(level, ScaleSyslog)
	case level < 70:
		return FromLevel(level)
	case level < 700:
		return FromNumber(level, ScaleMonolog)
	case level < 1000:
		return FromNumber(level, ScaleGoogle)
	}
	return FromNumber(level, ScaleLog4j)
}

// pick returns the member of a scale that begins at first and goes up by step. A member
// of 0 is none.
func pick(level, first, step float64, members []plog.SeverityNumber) (plog.SeverityNumber, bool) {
	at := (level - first) / step
	if at < 0 || at != math.Trunc(at) || int(at) >= len(members) || members[int(at)] == 0 {
		return 0, false
	}
	return members[int(at)], true
}
