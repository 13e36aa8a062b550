// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package severity

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/plog"
)

func TestFromText(t *testing.T) {
	for word, want := range map[string]plog.SeverityNumber{
		"trace": 1, "silly": 1, "verbose": 6, "http": 7, "debug": 5, "info": 9, "notice": 10, "warn": 13, "warning": 13,
		"error": 17, "crit": 21, "alert": 22, "emerg": 23, "fatal": 21, "help": 11, "data": 10, "prompt": 4, "input": 2,
		"INFO": 9, "Warn": 13, "  error\t": 17, "30": 9, "60": 21, "FATAL4": 24, "Informational": 9,
	} {
		got, ok := FromText(word)
		assert.True(t, ok, word)
		assert.Equal(t, want, got, word)
	}
	for _, word := range []string{"", " ", "inform", "infos", "9", "3x", "30.5", "999", "informationalx", "critical error", "\u0130NFO"} {
		got, ok := FromText(word)
		assert.False(t, ok, word)
		assert.Zero(t, got, word)
	}
}

func TestFind(t *testing.T) {
	seen := map[Word]string{}
	for _, row := range Words {
		for _, text := range row.Words {
			w := Find(text)
			assert.NotZero(t, w, text)
			assert.Equal(t, row.Number, w.Number(), text)
			assert.Equal(t, w, Find([]byte(strings.ToUpper(text))), text)
			assert.Empty(t, seen[w], text)
			seen[w] = text
			for _, other := range []string{text + "x", text[1:] + "\x00", text + "\x00", " " + text, text + "\u0130"} {
				assert.Zero(t, Find(other), other)
			}
		}
	}
	assert.Less(t, len(known.words), 200, "a fuller table is searched for long")
	assert.Zero(t, Word(0).Number())
	assert.Zero(t, Find(""))
}

func TestFromLevel(t *testing.T) {
	for level, want := range map[float64]plog.SeverityNumber{
		10: 1, 20: 5, 30: 9, 40: 13, 50: 17, 60: 21, // the standard levels
		11: 2, 25: 7, 35: 11, 39: 12, 65: 23, 69: 24, // the ones between, as instrumentation-pino 0.5x has them
	} {
		got, ok := FromLevel(level)
		assert.True(t, ok, level)
		assert.Equal(t, want, got, level)
	}
	for _, level := range []float64{-1, 0, 9, 70, 30.5, 1e300} {
		_, ok := FromLevel(level)
		assert.False(t, ok, level)
	}
}

func TestFromLevel_NeverFallsBelowALowerLevel(t *testing.T) {
	last := plog.SeverityNumber(0)
	for level := 10; level < 70; level++ {
		n, ok := FromLevel(float64(level))
		assert.True(t, ok)
		assert.GreaterOrEqual(t, n, last, level)
		assert.Equal(t, Name(plog.SeverityNumber(level/10*4-3)), Name(n), level)
		last = n
	}
}

func TestName_InStepWithFromText(t *testing.T) {
	for n := plog.SeverityNumber(1); n <= 24; n++ {
		name := Name(n)
		class, ok := FromText(name)
		assert.True(t, ok, n)
		assert.Equal(t, (n-1)/4*4+1, class, "severity "+strconv.Itoa(int(n)))
	}
	for _, n := range []plog.SeverityNumber{-1, 0, 25} {
		assert.Empty(t, Name(n))
	}
	assert.Equal(t, "info", LevelName(30))
	assert.Empty(t, LevelName(31))
}

func FuzzFromText(f *testing.F) {
	for _, s := range []string{"info", "WARN", "30", "999999999999", " \t", "fatal4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, word string) {
		n, ok := FromText(word)
		if ok != (n != 0) || n < 0 || n > 24 {
			t.Fatalf("FromText(%q) = %d, %t", word, n, ok)
		}
	})
}

func BenchmarkFromText(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		FromText("WARNING")
	}
}
