// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package safetext

import (
	"bytes"
	"log"
	"sync"
	"time"

	"go.uber.org/zap"
)

// standardLogInterval is the least time between two lines of the standard library that begin alike.
const standardLogInterval = time.Minute

// maxStandardLog bounds the beginnings that are remembered.
const maxStandardLog = 64

// StandardLog makes the standard library's own log lines safe, and writes them to logger. net/http
// writes there, and there alone, what a server sends unasked; that may be a secret which the server
// was sent before. It can be called any number of times: the last logger counts.
func StandardLog(logger *zap.Logger) {
	log.SetFlags(0)
	log.SetOutput(&standardLog{logger: Logger(logger), now: time.Now, logged: map[string]time.Time{}})
}

// standardLog passes on log lines. It is safe for concurrent use.
type standardLog struct {
	logger *zap.Logger
	now    func() time.Time

	mu     sync.Mutex
	logged map[string]time.Time // when a line was last logged, by its beginning
}

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
	if w.isDue(string(text[:min(len(text), 48)])) {
		w.logger.Warn("Message of Go's standard library", zap.String("text", Clean(string(text))))
	}
	return len(line), nil
}

// isDue reports whether no line with the same beginning was logged within standardLogInterval: a server
// can cause one with every request.
func (w *standardLog) isDue(beginning string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if last, has := w.logged[beginning]; has && now.Sub(last) < standardLogInterval {
		return false
	}
	if len(w.logged) >= maxStandardLog {
		clear(w.logged)
	}
	w.logged[beginning] = now
	return true
}
