// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package safetext

import (
	"bytes"
	"io"
	"log"
)

// StandardLog makes the standard library's own log lines safe. net/http writes
// there, and there alone, what a server sends unasked; that may be a secret which
// the server was sent before. It can be called any number of times.
func StandardLog() {
	if w := log.Writer(); !isStandardLog(w) {
		log.SetOutput(&standardLog{to: w})
	}
}

func isStandardLog(w io.Writer) bool {
	_, ok := w.(*standardLog)
	return ok
}

// standardLog passes on log lines.
type standardLog struct{ to io.Writer }

// quotes begin what net/http quotes of a server.
var quotes = [][]byte{[]byte("starting with "), []byte("malformed ")}

// Write implements io.Writer. The log package calls it with one line at a time.
func (w *standardLog) Write(line []byte) (int, error) {
	text := bytes.TrimSuffix(line, []byte("\n"))
	for _, q := range quotes {
		if i := bytes.Index(text, q); i >= 0 {
			text = append(bytes.Clone(text[:i+len(q)]), "(not shown)"...)
		}
	}
	if _, err := io.WriteString(w.to, Clean(string(text))+"\n"); err != nil {
		return 0, err
	}
	return len(line), nil
}
