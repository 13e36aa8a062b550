// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

// maxLevel is how long a level may be, with its colors.
const maxLevel = 64

// level sets the severity from the first field whose level is known, or else the text of
// the first that has one.
func (p *Parser) level(rec plog.LogRecord) {
	w := &p.w
	unknown, word := -1, ""
	for set := w.roles[roleLevel]; set != 0; {
		i := w.next(&set)
		f := &w.found[i]
		text, n, ok := p.readLevel(f, rows[f.row].scale)
		if !ok {
			continue
		}
		if n == 0 {
			if unknown < 0 {
				unknown, word = i, text
			}
			continue
		}
		if c := w.b[f.from]; c == '-' || c-'0' <= 9 {
			// Scales of numbers overlap. The name beside the number has no other meaning.
			if name, word, number := w.levelName(set); name != nil {
				f, text, n = name, word, number
			}
		}
		rec.SetSeverityNumber(n)
		rec.SetSeverityText(text)
		f.used = w.b[f.from] != '{'
		return
	}
	if unknown >= 0 {
		rec.SetSeverityText(word)
		w.found[unknown].used = true
	}
}

// levelName returns the first field of a set that holds the name of a level number, if the
// name is known.
func (w *walker) levelName(set uint32) (*found, string, plog.SeverityNumber) {
	for set != 0 {
		f := &w.found[w.next(&set)]
		switch rows[f.row].name {
		case "levelname", "loglevelname", "levelstr", "leveltext", "levellabel":
			s, ok := w.str(f)
			if !ok || len(s) == 0 || len(s) > maxLevel {
				continue
			}
			word := w.mem.String(s)
			if n, known := severity.FromText(word); known {
				return f, severity.Clean(word), n
			}
		}
	}
	return nil, "", 0
}

// readLevel reads a level: a word, a number, or an object that has either.
func (p *Parser) readLevel(f *found, scale severity.Scale) (text string, n plog.SeverityNumber, ok bool) {
	w := &p.w
	if s, isText := w.str(f); isText {
		if len(s) == 0 || len(s) > maxLevel {
			return "", 0, false
		}
		word := w.mem.String(s)
		if n, known := severity.FromText(word); known {
			return severity.Clean(word), n, true
		}
		if level, isNumber := integer(s); isNumber {
			return word, p.levelNumber(float64(level), scale), true
		}
		word = severity.Clean(word)
		return word, 0, word != ""
	}
	if w.b[f.from] == '{' {
		return p.levelOfObject(f)
	}
	raw := w.raw(f)
	if scale == severity.ScaleAny && len(raw) == 2 && raw[1] == '0' && raw[0] >= '1' && raw[0] <= '6' { // pino's and bunyan's own
		p.slog = false
		n = plog.SeverityNumber(raw[0]-'1')*4 + plog.SeverityNumberTrace
		return severity.Name(n), n, true
	}
	level, isNumber := w.float(f)
	if !isNumber {
		return "", 0, false
	}
	n = p.levelNumber(level, scale)
	if scale == severity.ScaleAny {
		if text = severity.LevelName(level); text != "" {
			return text, n, true
		}
	}
	return w.mem.String(raw), n, true
}

func (p *Parser) levelNumber(level float64, scale severity.Scale) plog.SeverityNumber {
	if scale == severity.ScaleAny {
		switch {
		case level <= -2: // -1 is also zap's debug and zerolog's trace
			p.slog = true
		case level >= 10:
			p.slog = false
		}
		if p.slog {
			scale = severity.ScaleSlog
		}
	}
	n, _ := severity.FromNumber(level, scale)
	return n
}

// Names of the fields of a level that is an object, words first.
var levelFields = [...]string{"levelstr", "levelname", "name", "label", "text", "level", "value", "no"}

func (p *Parser) levelOfObject(f *found) (text string, n plog.SeverityNumber, ok bool) {
	best := len(levelFields)
	p.w.each(f.from, func(name []byte, v found) {
		if len(name) > maxKey {
			return
		}
		var buf [maxKey]byte
		for i, field := range levelFields[:best] {
			if string(normal(buf[:0], name)) != field || p.w.b[v.from] == '{' {
				continue
			}
			if t, number, known := p.readLevel(&v, severity.ScaleAny); known && number != 0 {
				text, n, ok, best = t, number, true, i
			}
			return
		}
	})
	return text, n, ok
}
