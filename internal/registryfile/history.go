// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxTokens is the number of revisions that the history line of a file covers.
	maxTokens = 64

	historyPrefix = "# history: "
)

// History is the position of a registry file in the sequence of its changes. It is
// a comment line at the head of the file, so that a copy of the file has it too.
// Every journaled edit replaces it. Gateways compare it: see package history.
type History struct {
	ID       string   // identifies the registry
	Epoch    int64    // increases when an operator accepts another history
	Revision int64    // increases with every edit
	Tokens   []string // of this revision and the ones before it, newest first
}

var historyLine = regexp.MustCompile(`^# history: registry ([0-9a-f]{16}) epoch (\d{1,18}) revision (\d{1,18}) tokens ((?:[0-9a-f]{12} ?)+)\r?\n$`)

// HistoryOf returns the history line at the head of a registry file. It reports
// false if there is none or more than one.
func HistoryOf(data []byte) (h History, ok bool) {
	for _, line := range headLines(data) {
		if !bytes.HasPrefix(line, []byte(historyPrefix)) {
			continue
		}
		m := historyLine.FindSubmatch(line)
		if m == nil || ok {
			return History{}, false
		}
		ok = true
		h.ID = string(m[1])
		h.Epoch, _ = strconv.ParseInt(string(m[2]), 10, 64)    // at most 18 digits
		h.Revision, _ = strconv.ParseInt(string(m[3]), 10, 64) // at most 18 digits
		h.Tokens = strings.Fields(string(m[4]))
	}
	return h, ok
}

// Token returns the token of a revision. It reports false if the history does not
// cover the revision.
func (h History) Token(revision int64) (string, bool) {
	i := h.Revision - revision
	if i < 0 || i >= int64(len(h.Tokens)) {
		return "", false
	}
	return h.Tokens[i], true
}

// Next returns the history after one more edit. epoch is the new epoch if it is
// later. A file without a history gets one.
func (h History) Next(epoch int64) History {
	if h.ID == "" {
		h.ID = randomHex(8)
	}
	tokens := append([]string{randomHex(6)}, h.Tokens...)
	return History{h.ID, max(h.Epoch, epoch), h.Revision + 1, slices.Clip(tokens[:min(len(tokens), maxTokens)])}
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// WithoutHistory returns a registry file without its history line.
func WithoutHistory(data []byte) []byte {
	var out []byte
	rest := data
	for _, line := range headLines(data) {
		rest = rest[len(line):]
		if !bytes.HasPrefix(line, []byte(historyPrefix)) {
			out = append(out, line...)
		}
	}
	if len(out)+len(rest) == len(data) {
		return data
	}
	return append(out, rest...)
}

var byteOrderMark = []byte("\uFEFF")

// WithHistory returns a registry file with the history h instead of any other.
func WithHistory(data []byte, h History) []byte {
	data = WithoutHistory(data)
	newline := "\n"
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		newline = "\r\n"
	}
	rest, marked := bytes.CutPrefix(data, byteOrderMark)
	var out []byte
	if marked {
		out = append(out, byteOrderMark...)
	}
	out = fmt.Appendf(out, "%sregistry %s epoch %d revision %d tokens %s%s", historyPrefix, h.ID, h.Epoch, h.Revision, strings.Join(h.Tokens, " "), newline)
	return append(out, rest...)
}

// headLines returns the comments and blank lines with which data begins. A byte
// order mark is a line of its own.
func headLines(data []byte) (lines [][]byte) {
	if rest, ok := bytes.CutPrefix(data, byteOrderMark); ok {
		lines = append(lines, byteOrderMark)
		data = rest
	}
	for line := range bytes.Lines(data) {
		text := bytes.TrimSpace(line)
		if len(text) > 0 && text[0] != '#' && !bytes.Equal(text, []byte("---")) {
			break
		}
		lines = append(lines, line)
	}
	return lines
}
