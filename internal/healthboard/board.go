// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package healthboard

import "go.opentelemetry.io/collector/component"

// Board shows the state of a collector to its operator. The tenant_health extension
// implements it; other components find it with [Find].
//
// Reports name no key, and no tenant and no endpoint except in Lanes.Failing, because
// load balancers and shared monitoring read them. A report function is called rarely,
// from any goroutine, and must not block. It is not called after remove has returned.
type Board interface {
	// PostRegistry shows the state of the registry id.
	PostRegistry(id component.ID, report func() Registry) (remove func())

	// PostLanes shows the lanes of the exporter id.
	PostLanes(id component.ID, report func() Lanes) (remove func())
}

// Find returns the extensions of host that are boards.
func Find(host component.Host) []Board {
	var boards []Board
	for _, ext := range host.GetExtensions() {
		if b, ok := ext.(Board); ok {
			boards = append(boards, b)
		}
	}
	return boards
}
