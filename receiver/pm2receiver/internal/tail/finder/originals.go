// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package finder

import (
	"path/filepath"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
)

const (
	// maxOriginals bounds the names that a rotated copy may have had, and maxRotations how
	// often a file may have been rotated.
	maxOriginals = 64
	maxRotations = 4
)

// originals returns base and the base names of all files that base may be a rotated copy
// of. [logname.Original] decides which one is likely, because a file that is taken for the
// copy of another is not read. What is excluded must not be read under any name, so this
// returns each that a program for rotation may have made.
func originals(base string) []string {
	all := []string{base}
	from := 0
	for range maxRotations {
		to := len(all)
		for _, name := range all[from:to] {
			all = appendOriginals(all, name)
		}
		if from = to; from == len(all) {
			break
		}
	}
	return all
}

// appendOriginals appends the names of which name may be made by one rotation.
func appendOriginals(all []string, name string) []string {
	add := func(original string) {
		if original == "" || original == name || len(all) >= maxOriginals {
			return
		}
		for _, other := range all {
			if other == original {
				return
			}
		}
		all = append(all, original)
	}
	add(logname.Original(name))
	stem := name
	for _, suffix := range [...]string{".gz", ".zst", ".xz", ".bz2", ".zip", ".lz4", ".Z", ".old", ".bak", ".orig", ".prev", ".tmp", "~"} {
		if cut, ok := strings.CutSuffix(name, suffix); ok {
			add(cut)
			stem = cut
		}
	}
	ext := filepath.Ext(stem)
	if !extension(ext) {
		ext = ""
	}
	body := strings.TrimSuffix(stem, ext)
	if at := strings.Index(body, "__"); at > 0 { // pm2-logrotate, whose dateFormat is free text
		for ; at > 0 && at < len(body); at++ {
			if strings.HasPrefix(body[at:], "__") {
				add(body[:at] + ext)
			}
		}
	}
	for at := 1; at+1 < len(body); at++ {
		c := body[at]
		if c != '-' && c != '.' && c != '_' && c != '@' && c != ' ' {
			continue
		}
		hasExtension := ext == "" && extension(filepath.Ext(body[:at]))
		if stamp(c, body[at+1:], hasExtension) {
			add(body[:at] + ext)
		}
		if hasExtension && c == '.' { // x.log.anything
			add(body[:at])
		}
	}
	return all
}

// extension reports whether a suffix is that of a file's kind, and no date or number.
func extension(ext string) bool {
	switch ext {
	case ".log", ".txt", ".out", ".err", ".json", ".ndjson", ".jsonl", ".logs":
		return true
	}
	return false
}

// stamp reports whether a text is what a rotation adds behind sep: a number or a date. A
// short number behind a hyphen is none, because PM2 adds the numbers of processes so,
// unless it follows the whole name of a file.
func stamp(sep byte, text string, whole bool) bool {
	digits, groups, words, month := 0, 0, 0, false
	for i := 0; i < len(text); {
		c := text[i]
		n := i + 1
		switch {
		case c-'0' <= 9:
			for n < len(text) && text[n]-'0' <= 9 {
				n++
			}
			digits += n - i
			groups++
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			for n < len(text) && text[n]|0x20 >= 'a' && text[n]|0x20 <= 'z' {
				n++
			}
			isMonth, ok := stampWord(strings.ToLower(text[i:n]))
			if !ok {
				return false
			}
			month = month || isMonth
			words++
		case c != '-' && c != '.' && c != '_' && c != ':' && c != '+' && c != ',' && c != ' ' && c != '@':
			return false
		}
		i = n
	}
	switch {
	case month:
		return digits > 0
	case words > 0:
		return digits >= 4
	case groups > 1 || sep != '-' || whole:
		return digits > 0
	}
	return digits >= 6 || digits == 4 && strings.HasPrefix(text, "20")
}

// stampWord reports whether a word occurs in the dates of rotated files, and whether it is a
// month.
func stampWord(word string) (month, ok bool) {
	switch word {
	case "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "january", "february", "march", "april", "june", "july",
		"august", "september", "october", "november", "december":
		return true, true
	case "mon", "tue", "wed", "thu", "fri", "sat", "sun", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
		"t", "z", "h", "m", "s", "w", "am", "pm", "st", "nd", "rd", "th", "at", "utc", "gmt", "cet", "cest":
		return false, true
	}
	return false, false
}
