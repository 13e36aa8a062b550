// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package severity turns the level words and numbers of loggers into the
// severity numbers of the OpenTelemetry log data model, and back into six words.
//
// It is the only place in the distribution that knows levels.
package severity

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"
)

const (
	// longest is the length of the longest word that FromText knows.
	longest = len("informational")
	// LongestText is how long a word may be with colors and brackets around it.
	LongestText = 64
)

// FromText returns the severity number of a level word, in any case and with
// blanks, brackets and colors around it: the words of the loggers in Words, and
// with an offset as slog writes them (INFO+2), or behind Level. or LogLevel. as the name of
// a constant. Where winston's own level sets disagree
// the npm set wins. A word that is a number is read as [FromLevel] reads it. It
// reports false for any other word. It does not allocate.
func FromText(word string) (plog.SeverityNumber, bool) {
	if len(word) == 0 || len(word) > LongestText {
		return 0, false
	}
	if w := Find(word); w != 0 {
		return w.Number(), true
	}
	if dot := strings.IndexByte(word, '.'); dot > 0 && (strings.EqualFold(word[:dot], "level") || strings.EqualFold(word[:dot], "loglevel")) {
		word = word[dot+1:] // the name of a constant
	}
	var buf [longest + 4]byte
	n := 0
	for i := 0; i < len(word); i++ {
		c := word[i]
		switch {
		case c == 0x1b:
			i = skipColor(word, i)
			continue
		case n == 0 && (blank(c) || c == '[' || c == '(' || c == '<' || c == '"'):
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if n == len(buf) {
			return 0, false
		}
		buf[n] = c
		n++
	}
	for n > 0 && (blank(buf[n-1]) || buf[n-1] == ']' || buf[n-1] == ')' || buf[n-1] == '>' || buf[n-1] == ':' || buf[n-1] == '"') {
		n--
	}
	if n == 0 {
		return 0, false
	}
	if buf[0]-'0' <= 9 {
		return fromDigits(buf[:n])
	}
	if w := Find(buf[:n]); w != 0 {
		return w.Number(), true
	}
	return withOffset(buf[:n])
}

// skipColor returns where an escape sequence ends that begins at i.
func skipColor(word string, i int) int {
	i++
	if i < len(word) && word[i] == '[' {
		for i++; i < len(word) && (word[i] < 0x40 || word[i] > 0x7e); i++ {
		}
	}
	return i
}

// Clean returns a level word as it is shown: without blanks, brackets and colors
// around it.
func Clean(word string) string {
	for i := range len(word) {
		if word[i] == 0x1b {
			var out []byte
			for j := 0; j < len(word); j++ {
				if word[j] == 0x1b {
					j = skipColor(word, j)
					continue
				}
				out = append(out, word[j])
			}
			word = string(out)
			break
		}
	}
	from, to := 0, len(word)
	for from < to && (blank(word[from]) || word[from] == '[' || word[from] == '(' || word[from] == '<') {
		from++
	}
	for to > from && (blank(word[to-1]) || word[to-1] == ']' || word[to-1] == ')' || word[to-1] == '>' || word[to-1] == ':') {
		to--
	}
	return word[from:to]
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func fromDigits(word []byte) (plog.SeverityNumber, bool) {
	n := 0.0
	for _, c := range word {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + float64(c-'0')
	}
	return FromLevel(n)
}

// withOffset reads INFO+2 and ERROR-1.
func withOffset(word []byte) (plog.SeverityNumber, bool) {
	n := len(word)
	if n < 5 {
		return 0, false
	}
	for at := n - 2; at >= n-3; at-- {
		if word[at] != '+' && word[at] != '-' {
			continue
		}
		offset := 0
		for _, c := range word[at+1:] {
			if c-'0' > 9 {
				return 0, false
			}
			offset = offset*10 + int(c-'0')
		}
		base := Find(word[:at]).Number()
		if base%4 != 1 {
			return 0, false
		}
		if word[at] == '-' {
			offset = -offset
		}
		return bounded(int(base) + offset), true
	}
	return 0, false
}

func bounded(n int) plog.SeverityNumber {
	return plog.SeverityNumber(min(max(n, int(plog.SeverityNumberTrace)), int(plog.SeverityNumberFatal4)))
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
