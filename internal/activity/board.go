// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity

import "go.opentelemetry.io/collector/component"

// Board is an extension with a tracker. The tenant_health extension implements it; other
// components find it with [Find].
type Board interface {
	// Activity returns the tracker, or nil if it is not enabled. The result is the same
	// before, during and after the run of the extension.
	Activity() *Tracker
}

// Find returns the tracker of the first extension of host that has one, or nil if there is
// none. All methods of a nil tracker and of its records do nothing.
func Find(host component.Host) *Tracker {
	for _, ext := range host.GetExtensions() {
		if b, ok := ext.(Board); ok {
			if t := b.Activity(); t != nil {
				return t
			}
		}
	}
	return nil
}
