// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import "github.com/otelcol-tenant/otelcol-tenant/internal/severity"

// wordKind says how far a level word can be trusted to be one in a line of text.
type wordKind uint8

const (
	// strongWord is of a word that means a level wherever a level may be.
	strongWord wordKind = 1 << iota
	// weakWord is of a word that is an ordinary word or a protocol more often.
	weakWord
)

// strongWords and weakWords are level words of the package severity.
var (
	strongWords = [...]string{
		"trace", "trc", "debug", "dbg", "info", "inf", "warn", "wrn", "warning", "error", "err", "fatal", "ftl", "crit", "critical", "emerg",
		"emergency", "alert", "notice", "panic", "pnc", "verbose", "vrb", "severe", "information", "informational", "silly", "finest", "success",
	}
	weakWords = [...]string{
		"http", "data", "help", "input", "prompt", "all", "ok", "ready", "start", "box", "note", "mark", "fine", "config", "watch", "await", "pending",
		"complete", "default", "timing", "failure",
	}
)

// kinds holds the kind of each level word. That of no word is 0.
var kinds = func() (k [256]wordKind) {
	for _, word := range strongWords {
		k[severity.Find(word)] |= strongWord
	}
	for _, word := range weakWords {
		k[severity.Find(word)] |= weakWord
	}
	return k
}()

// strong says whether a word means a level wherever a level may be.
func strong(word []byte) bool { return kinds[severity.Find(word)]&strongWord != 0 }

// isLevel says whether a word is a level word of any kind.
func isLevel(word []byte) bool { return severity.Find(word) != 0 }
