// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package direct

import (
	"fmt"

	"go.opentelemetry.io/collector/component"
)

// Provider is an extension that has a board. The request_guard extension implements it.
type Provider interface {
	// Direct returns the board. The result is the same before, during and after the run of the
	// extension.
	Direct() *Board
}

// Find returns the board of the extension id of host.
func Find(host component.Host, id component.ID) (*Board, error) {
	ext, ok := host.GetExtensions()[id]
	if !ok {
		return nil, fmt.Errorf("direct: extension %q is not configured or not listed under service::extensions", id)
	}
	p, ok := ext.(Provider)
	if !ok {
		return nil, fmt.Errorf("direct: extension %q is not a request guard", id)
	}
	return p.Direct(), nil
}

// FindAll returns the boards of all extensions of host.
func FindAll(host component.Host) (all []*Board) {
	for _, ext := range host.GetExtensions() {
		if p, ok := ext.(Provider); ok {
			all = append(all, p.Direct())
		}
	}
	return all
}
