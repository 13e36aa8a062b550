package bearerkeyauthextension

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
)

// withheldFor is for how long it is a condition that the key was not sent. Exporters try
// again sooner.
const withheldFor = 10 * time.Minute

// keyWatch finds out what keeps a key from being sent. Its methods are safe for concurrent
// use.
type keyWatch struct {
	id     component.ID
	unpost func() // nil before the start

	unsent atomic.Bool // the key was withheld and not sent since

	mu    sync.Mutex
	file  string
	fault error // of the key file
	host  string
	last  time.Time // that the key was withheld
}

func (w *keyWatch) start(host component.Host) {
	w.unpost = condition.Post(host, component.KindExtension, w.id, func() []condition.Finding { return w.findings(time.Now()) })
}

func (w *keyWatch) shutdown() {
	if w.unpost != nil {
		w.unpost()
	}
}

// read notes what came of reading the key file.
func (w *keyWatch) read(file string, fault error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.file, w.fault = file, fault
}

// withheld notes that the key was not sent to a host for want of TLS.
func (w *keyWatch) withheld(host string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.host, w.last = host, now
	w.unsent.Store(true)
}

// sent notes that the key was sent.
func (w *keyWatch) sent() {
	if w.unsent.Load() {
		w.unsent.Store(false)
	}
}

func (w *keyWatch) findings(now time.Time) (all []condition.Finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		all = append(all, condition.Finding{
			Name: condition.KeyFileFailed, Cause: keyFileCause(w.fault), Message: fmt.Sprintf("The key file %s cannot be used, and the last good key stays in use: %v", w.file, w.fault),
		})
	}
	if w.unsent.Load() && now.Sub(w.last) < withheldFor {
		all = append(all, condition.Finding{Name: condition.KeyNotSent, Message: "The key is not sent to " + w.host + ", which is not loopback, without TLS"})
	}
	return all
}

// keyFileCause returns what kind of fault a key file has.
func keyFileCause(fault error) string {
	switch {
	case errors.Is(fault, fs.ErrNotExist):
		return "missing"
	case errors.Is(fault, fs.ErrPermission):
		return "permission"
	case errors.Is(fault, errEmptyKeyFile), errors.Is(fault, errNotAKeyFile):
		return "no_key"
	}
	return "unreadable"
}
