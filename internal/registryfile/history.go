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
	// maxTokens is how many revisions the history line of a file reaches back.
	maxTokens = 64

	historyPrefix = "# history: "
)

// History says where a registry file is in the course of its changes. It is a
// comment line at the head of the file that every edit with a [Journal] renews, so
// that it stays with a copy of the file. Gateways compare it: see package history.
type History struct {
	ID       string   // identifies the registry
	Epoch    int64    // grows when an operator accepts another history
	Revision int64    // grows with every edit
	Tokens   []string // of this revision and of those before it, the newest first
}

var historyLine = regexp.MustCompile(`^# history: registry ([0-9a-f]{16}) epoch (\d{1,18}) revision (\d{1,18}) tokens ((?:[0-9a-f]{12} ?)+)\r?\n$`)

// HistoryOf returns what the head of a registry file says of its history. ok is
// false if it says nothing, or more than one thing.
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

// Token returns the token of a revision, or false if the history does not reach
// there.
func (h History) Token(revision int64) (string, bool) {
	i := h.Revision - revision
	if i < 0 || i >= int64(len(h.Tokens)) {
		return "", false
	}
	return h.Tokens[i], true
}

// next returns the history after one more edit. A file without a history begins
// one.
func (h History) next(epoch int64) History {
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

// WithoutHistory returns data without its history.
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

// withHistory returns data with the history h in the place of any other.
func withHistory(data []byte, h History) []byte {
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

// stamp notes in d that it is the revision after before.
func (d *Document) stamp(before []byte, epoch int64) error {
	h, _ := HistoryOf(before)
	return d.Replace(withHistory(d.data, h.next(epoch)))
}
