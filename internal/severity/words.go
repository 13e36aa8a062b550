// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package severity

import "go.opentelemetry.io/collector/pdata/plog"

// Words are the level words of loggers in lower case, by their severity number.
var Words = [...]struct {
	Number plog.SeverityNumber
	Words  []string
}{
	{plog.SeverityNumberTrace, []string{"trace", "trc", "trce", "silly", "finest", "finer", "t", "all"}},
	{plog.SeverityNumberTrace2, []string{"trace2", "input"}},
	{plog.SeverityNumberTrace3, []string{"trace3"}},
	{plog.SeverityNumberTrace4, []string{"trace4", "prompt"}},
	{plog.SeverityNumberDebug, []string{"debug", "dbg", "dbug", "fine", "d", "debugging", "timing"}},
	{plog.SeverityNumberDebug2, []string{"debug2", "verbose", "vrb", "v", "config"}},
	{plog.SeverityNumberDebug3, []string{"debug3", "http"}},
	{plog.SeverityNumberDebug4, []string{"debug4"}},
	{plog.SeverityNumberInfo, []string{"info", "inf", "information", "informational", "log", "mark", "i", "default", "start", "ready", "box", "note", "watch", "await", "pending"}},
	{plog.SeverityNumberInfo2, []string{"info2", "notice", "data", "n", "success", "complete", "ok"}},
	{plog.SeverityNumberInfo3, []string{"info3", "help"}},
	{plog.SeverityNumberInfo4, []string{"info4"}},
	{plog.SeverityNumberWarn, []string{"warn", "wrn", "warning", "w"}},
	{plog.SeverityNumberWarn2, []string{"warn2"}},
	{plog.SeverityNumberWarn3, []string{"warn3"}},
	{plog.SeverityNumberWarn4, []string{"warn4"}},
	{plog.SeverityNumberError, []string{"error", "err", "err!", "eror", "severe", "fail", "failure", "e"}},
	{plog.SeverityNumberError2, []string{"error2"}},
	{plog.SeverityNumberError3, []string{"error3"}},
	{plog.SeverityNumberError4, []string{"error4"}},
	{plog.SeverityNumberFatal, []string{"fatal", "ftl", "crit", "critical", "f", "c", "dpanic"}},
	{plog.SeverityNumberFatal2, []string{"fatal2", "alert", "a"}},
	{plog.SeverityNumberFatal3, []string{"fatal3", "emerg", "emergency"}},
	{plog.SeverityNumberFatal4, []string{"fatal4", "panic", "pnc"}},
}

// Word is a level word that is known. The zero value is no word.
type Word uint8

// Number returns the severity number of the word.
func (w Word) Number() plog.SeverityNumber { return known.words[w].number }

// Find returns the level word that a text is, in any case, and 0 if it is none. Unlike
// [FromText] it accepts nothing around the word. It does not allocate.
func Find[T ~string | ~[]byte](text T) Word {
	if len(text) == 0 || len(text) > longest {
		return 0
	}
	e := entry{size: len(text)}
	for i := range len(text) {
		c := text[i]
		if c-'A' < 26 {
			c |= 0x20
		}
		if i < 8 {
			e.low |= uint64(c) << (8 * i)
		} else {
			e.high |= uint64(c) << (8 * (i - 8))
		}
	}
	for at := e.hash(); ; at++ {
		w := known.slots[at]
		if w == 0 {
			return 0
		}
		if k := &known.words[w]; k.low == e.low && k.high == e.high && k.size == e.size {
			return w
		}
	}
}

// entry is a word of up to 16 bytes in lower case, as two integers.
type entry struct {
	low, high uint64
	size      int
	number    plog.SeverityNumber
}

// hash returns the slot at which the search for a word begins. Its type makes it wrap
// around at the end of the table.
func (e *entry) hash() uint8 {
	return uint8((e.low*0x9e3779b97f4a7c15 ^ e.high*0xc2b2ae3d27d4eb4f) >> 56)
}

// table is a hash table with open addressing. It holds about a hundred words in 256
// slots, so that a search ends after one or two of them.
type table struct {
	slots [256]Word
	words []entry // the first is of Word 0
}

var known = newTable()

func newTable() *table {
	t := &table{words: make([]entry, 1)}
	for _, row := range Words {
		for _, word := range row.Words {
			e := entry{size: len(word), number: row.Number}
			for i := range len(word) {
				if i < 8 {
					e.low |= uint64(word[i]) << (8 * i)
				} else {
					e.high |= uint64(word[i]) << (8 * (i - 8))
				}
			}
			at := e.hash()
			for t.slots[at] != 0 {
				at++
			}
			t.slots[at] = Word(len(t.words))
			t.words = append(t.words, e)
		}
	}
	return t
}
