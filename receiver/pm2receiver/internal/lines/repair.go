// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// emitRepaired is emit for a long text that is not valid UTF-8. It repairs the parts one by one, so
// that they are not all in memory: repaired, a text may be three times as long.
func (m *Assembler) emitRepaired(l *Line, text []byte, a *arena.Arena, yield func(*Line)) {
	if l.Time == 0 {
		l.Time = m.at
	}
	l.Repaired = true
	for part := 1; ; part++ {
		buf := a.Reserve(m.set.MaxLine)
		for len(text) > 0 {
			r, size := utf8.DecodeRune(text)
			if len(buf)+utf8.RuneLen(r) > m.set.MaxLine {
				break
			}
			buf = utf8.AppendRune(buf, r)
			text = text[size:]
		}
		l.Text = a.Keep(buf)
		if l.Last = len(text) == 0 && part > 1; l.Last || len(text) > 0 {
			l.Part = part
		}
		yield(l)
		if len(text) == 0 {
			break
		}
	}
	l.Part, l.Last = 0, false
}
