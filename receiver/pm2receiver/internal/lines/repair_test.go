// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// The parts of a long line are the same whether it is repaired as a whole or part by part.
func TestAssembler_RepairsLongLinesPartByPart(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test that repeats
	pieces := []string{"\xff", "a", "é", "€", "𝄞", "\xe2\x82", "\x80", "x"}
	for range 2000 {
		var text []byte
		for range 1 + random.IntN(100) {
			text = append(text, pieces[random.IntN(len(pieces))]...)
		}
		m := New(Settings{MaxLine: 8 + random.IntN(60), Location: time.UTC}, State{})
		collect := func(emit func(*Line, func(*Line))) (all []Line) {
			emit(&Line{}, func(l *Line) {
				x := *l
				x.Text = bytes.Clone(x.Text)
				all = append(all, x)
			})
			return all
		}
		want := collect(func(l *Line, yield func(*Line)) {
			var repaired []byte
			repaired, _ = valid(text, &arena.Arena{})
			l.Repaired = true
			m.emit(l, repaired, yield)
		})
		got := collect(func(l *Line, yield func(*Line)) { m.emitRepaired(l, text, &arena.Arena{}, yield) })
		assert.Equal(t, want, got, "%q", text)
	}
}
