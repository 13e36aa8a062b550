// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

const (
	// detectedLevel is the name under which Loki itself keeps the level of an entry.
	detectedLevel  = "detected_level"
	severityNumber = "severity_number"

	// maxLevelText is the longest text that is taken for a level.
	maxLevelText = 64

	// maxLevelSearch is how far into a line its level is searched for.
	maxLevelSearch = 4 << 10
)

// level is the level of a stream or an entry. The zero value is none.
type level struct {
	number plog.SeverityNumber
	text   string
}

func (l level) found() bool { return l != level{} }

func (l level) set(record plog.LogRecord) {
	if !l.found() {
		return
	}
	record.SetSeverityNumber(l.number)
	record.SetSeverityText(l.text)
}

// levelOf returns the level that a word means. A word without a meaning is a level too,
// of which only the word is known. A word that is empty or too long is none: another label
// or field may name the level then.
func levelOf(word string) level {
	if word == "" || len(word) > maxLevelText {
		return level{}
	}
	n, _ := severity.FromText(word)
	return level{n, word}
}

// isLevelName reports whether Loki takes a label, an entry of structured metadata or a
// field of a line for its level.
func isLevelName[T ~string | ~[]byte](name T) bool {
	switch string(name) {
	case "level", "LEVEL", "Level", "log.level", "severity", "SEVERITY", "Severity", "SeverityText",
		"lvl", "LVL", "Lvl", "severity_text", "Severity_Text", "SEVERITY_TEXT":
		return true
	}
	return false
}

// levelOfLabels returns the level that the labels of a stream name.
func levelOfLabels(labels []pair) level {
	for _, label := range labels {
		if !isLevelName(label.name) {
			continue
		}
		if l := levelOf(label.value); l.found() {
			return l
		}
	}
	return level{}
}

// levelOfMetadata returns the level that structured metadata names. Loki's own detection
// counts before the labels of the stream, everything else after them.
func levelOfMetadata(metadata []pair, ofStream level) level {
	other := ofStream
	var number plog.SeverityNumber
	for _, m := range metadata {
		switch {
		case m.name == detectedLevel && m.value != "unknown":
			if l := levelOf(m.value); l.found() {
				return l
			}
		case m.name == severityNumber:
			if n, err := strconv.Atoi(m.value); err == nil && n >= int(plog.SeverityNumberTrace) && n <= int(plog.SeverityNumberFatal4) {
				number = plog.SeverityNumber(n)
			}
		case !other.found() && isLevelName(m.name):
			other = levelOf(m.value)
		}
	}
	if number != 0 && !ofStream.found() {
		other.number = number // with the word of severity_text, if any
	}
	return other
}

// levelOfLine returns the level that a field of a line names, if the line is a JSON object
// or in logfmt. Words of a sentence are no level.
func levelOfLine(line string) level {
	line = line[:min(len(line), maxLevelSearch)]
	for i := range len(line) {
		switch line[i] {
		case ' ', '\t', '\r', '\n':
		case '{':
			return levelOfJSON(line[i:])
		default:
			return levelOfLogfmt(line[i:])
		}
	}
	return level{}
}

// levelOfJSON searches the fields of the object itself, not those of objects in it.
func levelOfJSON(line string) level {
	depth := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return level{}
			}
		case '"':
			text := line[i+1:]
			end := endOfString(text)
			if end < 0 {
				return level{}
			}
			i += end + 1
			if depth != 1 || !isLevelName(text[:end]) {
				continue
			}
			if value, ok := strings.CutPrefix(strings.TrimLeft(text[end+1:], " \t"), ":"); ok {
				if l := levelOf(wordOf(strings.TrimLeft(value, " \t"))); l.found() {
					return l
				}
			}
		}
	}
	return level{}
}

// endOfString returns where the quote is that ends a string of JSON, or -1.
func endOfString(text string) int {
	for from := 0; ; {
		n := strings.IndexByte(text[from:], '"')
		if n < 0 {
			return -1
		}
		end, escapes := from+n, 0
		for end-escapes > from && text[end-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end
		}
		from = end + 1
	}
}

// wordOf returns the word or number at the beginning of a text.
func wordOf(text string) string {
	if text, ok := strings.CutPrefix(text, `"`); ok {
		word, _, ok := strings.Cut(text[:min(len(text), maxLevelText+1)], `"`)
		if !ok || strings.Contains(word, `\`) {
			return ""
		}
		return word
	}
	n := 0
	for n < len(text) && (text[n]|0x20-'a' < 26 || text[n]-'0' <= 9 || text[n] == '_' || text[n] == '-' || text[n] == '+') {
		n++
	}
	switch word := text[:n]; word {
	case "null", "true", "false":
		return ""
	default:
		return word
	}
}

// levelOfLogfmt searches for a field such as level=info.
func levelOfLogfmt(line string) level {
	for from := 0; ; {
		n := strings.IndexByte(line[from:], '=')
		if n < 0 {
			return level{}
		}
		at := from + n
		begin := at
		for begin > from && isNameByte(line[begin-1]) {
			begin--
		}
		from = at + 1
		if begin > 0 && line[begin-1] != ' ' && line[begin-1] != '\t' || !isLevelName(line[begin:at]) {
			continue
		}
		if l := levelOf(wordOf(line[from:])); l.found() {
			return l
		}
	}
}

func isNameByte(c byte) bool { return c|0x20-'a' < 26 || c == '_' || c == '.' }
