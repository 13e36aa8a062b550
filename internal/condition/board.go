// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package condition

import (
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
)

// Board shows the conditions of components.
type Board interface {
	// PostConditions makes the board call the source once a second. The source is not called
	// after remove has returned.
	PostConditions(src Source) (remove func())
}

// Source is a component that reports conditions.
type Source struct {
	ID   component.ID
	Kind component.Kind

	// Report returns what is wrong at present. It is called from any goroutine and must not
	// block.
	Report func() []Finding

	// Status receives the status of the component when the first of its conditions begins
	// and when the last one ends. It may be nil.
	Status func(*componentstatus.Event)
}

// name returns the name of the component as in the collector's own logs.
func (s *Source) name() string { return kindNames[s.Kind] + "/" + s.ID.String() }

var kindNames = map[component.Kind]string{
	component.KindReceiver: "receiver", component.KindProcessor: "processor", component.KindExporter: "exporter",
	component.KindExtension: "extension", component.KindConnector: "connector",
}

// Post posts the conditions of a component on all boards of host, and reports the
// status of the component to host. Call remove when the component shuts down.
func Post(host component.Host, kind component.Kind, id component.ID, report func() []Finding) (remove func()) {
	var removes []func()
	for _, ext := range host.GetExtensions() {
		if b, ok := ext.(Board); ok {
			removes = append(removes, b.PostConditions(Source{
				ID: id, Kind: kind, Report: report,
				Status: func(e *componentstatus.Event) { componentstatus.ReportStatus(host, e) },
			}))
		}
	}
	return func() {
		for _, remove := range removes {
			remove()
		}
	}
}
