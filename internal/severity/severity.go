// Package severity turns the level words and numbers of loggers into the
// severity numbers of the OpenTelemetry log data model, and back into six words.
//
// It is the only place in the distribution that knows levels.
package severity

import (
	"math"

	"go.opentelemetry.io/collector/pdata/plog"
)

// longest is the length of the longest word that FromText knows.
const longest = len("informational")

// FromText returns the severity number of a level word, in any case and with
// blanks around it: the words of pino, bunyan, log4js, winston (npm, cli and
// syslog levels), syslog, and the short names of the OpenTelemetry data model
// (INFO2). Where winston's own level sets disagree the npm set wins. A word that
// is a number is read as [FromLevel] reads it. It reports false for any other
// word. It does not allocate.
func FromText(word string) (plog.SeverityNumber, bool) {
	for len(word) > 0 && blank(word[0]) {
		word = word[1:]
	}
	for len(word) > 0 && blank(word[len(word)-1]) {
		word = word[:len(word)-1]
	}
	if word == "" || len(word) > longest {
		return 0, false
	}
	if c := word[0]; c >= '0' && c <= '9' {
		return fromDigits(word)
	}
	var buf [longest]byte
	for i := range len(word) {
		c := word[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return lookup(string(buf[:len(word)]))
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func fromDigits(word string) (plog.SeverityNumber, bool) {
	n := 0.0
	for i := range len(word) {
		c := word[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + float64(c-'0')
	}
	return FromLevel(n)
}

func lookup(word string) (plog.SeverityNumber, bool) {
	switch word {
	case "trace", "trc", "silly", "finest", "finer":
		return plog.SeverityNumberTrace, true
	case "trace2", "input":
		return plog.SeverityNumberTrace2, true
	case "trace3":
		return plog.SeverityNumberTrace3, true
	case "trace4", "prompt":
		return plog.SeverityNumberTrace4, true
	case "debug", "dbg", "fine":
		return plog.SeverityNumberDebug, true
	case "debug2", "verbose":
		return plog.SeverityNumberDebug2, true
	case "debug3", "http":
		return plog.SeverityNumberDebug3, true
	case "debug4":
		return plog.SeverityNumberDebug4, true
	case "info", "inf", "information", "informational", "log", "mark":
		return plog.SeverityNumberInfo, true
	case "info2", "notice", "data":
		return plog.SeverityNumberInfo2, true
	case "info3", "help":
		return plog.SeverityNumberInfo3, true
	case "info4":
		return plog.SeverityNumberInfo4, true
	case "warn", "wrn", "warning":
		return plog.SeverityNumberWarn, true
	case "warn2":
		return plog.SeverityNumberWarn2, true
	case "warn3":
		return plog.SeverityNumberWarn3, true
	case "warn4":
		return plog.SeverityNumberWarn4, true
	case "error", "err", "severe":
		return plog.SeverityNumberError, true
	case "error2":
		return plog.SeverityNumberError2, true
	case "error3":
		return plog.SeverityNumberError3, true
	case "error4":
		return plog.SeverityNumberError4, true
	case "fatal", "ftl", "crit", "critical":
		return plog.SeverityNumberFatal, true
	case "fatal2", "alert":
		return plog.SeverityNumberFatal2, true
	case "fatal3", "emerg", "emergency":
		return plog.SeverityNumberFatal3, true
	case "fatal4", "panic":
		return plog.SeverityNumberFatal4, true
	}
	return 0, false
}

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

// Name returns trace, debug, info, warn, error or fatal for a number of 1 to
// 24, and "" for any other.
func Name(n plog.SeverityNumber) string {
	if n < plog.SeverityNumberTrace || n > plog.SeverityNumberFatal4 {
		return ""
	}
	return [...]string{"trace", "debug", "info", "warn", "error", "fatal"}[(n-1)/4]
}

// LevelName returns the word of pino and bunyan for a standard level number
// such as 30, and "" for any other.
func LevelName(level float64) string {
	switch level {
	case 10, 20, 30, 40, 50, 60:
		n, _ := FromLevel(level)
		return Name(n)
	}
	return ""
}
