// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"bytes"
	"unicode/utf8"
)

// maxDateWord is longer than any word of dates that is known.
const maxDateWord = 9

// lower returns a word in small letters in dst, or nil if it is too long.
func lower(dst *[maxDateWord]byte, word []byte) []byte {
	if len(word) > maxDateWord {
		return nil
	}
	for i, c := range word {
		dst[i] = c
		if c < utf8.RuneSelf {
			dst[i] = c | 0x20
		}
	}
	return dst[:len(word)]
}

// monthOf returns which month a word is, or 0.
func monthOf(word []byte) int {
	if len(word) < 3 {
		return 0
	}
	var space [maxDateWord]byte
	switch string(lower(&space, word)) {
	case "jan", "january":
		return 1
	case "feb", "february":
		return 2
	case "mar", "march":
		return 3
	case "apr", "april":
		return 4
	case "may":
		return 5
	case "jun", "june":
		return 6
	case "jul", "july":
		return 7
	case "aug", "august":
		return 8
	case "sep", "sept", "september":
		return 9
	case "oct", "october":
		return 10
	case "nov", "november":
		return 11
	case "dec", "december":
		return 12
	}
	return 0
}

// weekday reports whether a word is a day of the week.
func weekday(word []byte) bool {
	if word[0] >= utf8.RuneSelf {
		for _, name := range [...]string{"星期", "周", "週"} {
			if bytes.HasPrefix(word, []byte(name)) && len(word) == len(name)+3 {
				return true
			}
		}
		return len(word) == 9 && (bytes.HasSuffix(word, []byte("曜日")) || bytes.HasSuffix(word, []byte("요일")))
	}
	var space [maxDateWord]byte
	switch string(lower(&space, word)) {
	case "mon", "tue", "wed", "thu", "fri", "sat", "sun", "mo", "tu", "we", "th", "fr", "sa", "su",
		"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday":
		return true
	}
	return false
}

// connector reports whether a word connects a date with a time of day.
func connector(word []byte) bool {
	var space [maxDateWord]byte
	switch string(lower(&space, word)) {
	case "at", "um", "kl", "às":
		return true
	}
	return false
}

// halfOf returns a for AM and p for PM, else 0.
func halfOf(word []byte) byte {
	switch string(word) {
	case "am", "AM", "Am", "上午", "午前", "오전":
		return 'a'
	case "pm", "PM", "Pm", "下午", "午後", "오후":
		return 'p'
	}
	return 0
}

// levelWord reports whether a word is the level of a logger, which is in no date.
func levelWord(word []byte) bool {
	var space [maxDateWord]byte
	switch string(lower(&space, word)) {
	case "trace", "debug", "verbose", "silly", "info", "log", "notice", "warn", "warning", "error", "err", "fatal", "crit", "critical", "alert", "emerg", "emergency", "panic":
		return true
	}
	return false
}

// unit reads a unit of a date at the beginning of b: the first letter of its English name,
// M for a month.
func unit(b []byte) (kind byte, size int) {
	if len(b) < 3 || b[0] < utf8.RuneSelf {
		return 0, 0
	}
	switch string(b[:3]) {
	case "年", "년":
		return 'y', 3
	case "月", "월":
		return 'M', 3
	case "日", "일":
		return 'd', 3
	case "时", "時", "시", "点":
		return 'h', 3
	case "分", "분":
		return 'm', 3
	case "秒", "초":
		return 's', 3
	}
	return 0, 0
}

// blankSize returns how long a blank or dash that is no ASCII is at the beginning of b.
func blankSize(b []byte) int {
	switch {
	case b[0] == 0xc2 && len(b) > 1 && (b[1] == 0xa0 || b[1] == 0xb7): // no-break space, middle dot
		return 2
	case b[0] == 0xe2 && len(b) > 2 && b[1] == 0x80 && (b[2] == 0xaf || b[2] == 0x89 || b[2] == 0x93 || b[2] == 0x94): // narrow and thin space, dashes
		return 3
	}
	return 0
}
