// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component/componentstatus"
)

// statusNames are the names of error statuses in a response.
var statusNames = map[componentstatus.Status]string{
	componentstatus.StatusRecoverableError: "recoverable_error",
	componentstatus.StatusPermanentError:   "permanent_error",
	componentstatus.StatusFatalError:       "fatal_error",
}

// watch has the components that report an error status. It does not keep the error texts, which
// may name tenants. Its size is bounded by the number of components.
type watch struct {
	mu     sync.Mutex
	unwell map[*componentstatus.InstanceID]componentstatus.Status
}

// changed records the status of a component.
func (w *watch) changed(source *componentstatus.InstanceID, event *componentstatus.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !componentstatus.StatusIsError(event.Status()) {
		delete(w.unwell, source)
		return
	}
	if w.unwell == nil {
		w.unwell = make(map[*componentstatus.InstanceID]componentstatus.Status)
	}
	w.unwell[source] = event.Status()
}

// list returns the components, as kind/id, and their status. A component in several pipelines has
// the worst of its statuses.
func (w *watch) list() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	worst := make(map[string]componentstatus.Status, len(w.unwell))
	for id, status := range w.unwell {
		name := strings.ToLower(id.Kind().String()) + "/" + id.ComponentID().String()
		worst[name] = max(worst[name], status)
	}
	out := make(map[string]string, len(worst))
	for name, status := range worst {
		out[name] = statusNames[status]
	}
	return out
}
