// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
)

// withheldFor is how long a key that was not sent is a condition. Exporters retry
// sooner than that.
const withheldFor = 10 * time.Minute

// clientConditions reports why the key is not sent. It is safe for concurrent use.
type clientConditions struct {
	id     component.ID
	unpost func() // nil before the start

	unsent atomic.Bool // the last request was not sent, to protect the key

	mu    sync.Mutex
	file  string
	fault error // of the key file
	host  string
	last  time.Time // when the key was last withheld
}

func (w *clientConditions) start(host component.Host) {
	w.unpost = condition.Post(host, component.KindExtension, w.id, func() []condition.Finding { return w.findings(time.Now()) })
}

func (w *clientConditions) shutdown() {
	if w.unpost != nil {
		w.unpost()
	}
}

// read records the result of reading the key file.
func (w *clientConditions) read(file string, fault error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.file, w.fault = file, fault
}

// withheld records that the key was not sent to a host because TLS is missing.
func (w *clientConditions) withheld(host string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.host, w.last = host, now
	w.unsent.Store(true)
}

// sent records that the key was sent.
func (w *clientConditions) sent() {
	if w.unsent.Load() {
		w.unsent.Store(false)
	}
}

func (w *clientConditions) findings(now time.Time) (all []condition.Finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		all = append(all, condition.Finding{
			Name: condition.KeyFileFailed, Cause: keyFileCause(w.fault), Message: fmt.Sprintf("The key file %s cannot be used, and the last good key remains in use: %v", w.file, w.fault),
		})
	}
	if w.unsent.Load() && now.Sub(w.last) < withheldFor {
		all = append(all, condition.Finding{Name: condition.KeyNotSent, Message: "The key is not sent to " + w.host + ", which is not loopback, without TLS"})
	}
	return all
}

// keyFileCause classifies a fault of a key file.
func keyFileCause(fault error) string {
	switch {
	case errors.Is(fault, fs.ErrNotExist):
		return "missing"
	case errors.Is(fault, fs.ErrPermission):
		return "permission"
	case errors.Is(fault, apikey.ErrEmptyFile), errors.Is(fault, errNotAKeyFile):
		return "no_key"
	}
	return "unreadable"
}
