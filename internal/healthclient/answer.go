// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package healthclient

import "net/http"

// StatusOK is the status of a collector that has no fault.
const StatusOK = "ok"

// Answer is the answer of a health endpoint. Its JSON names are those of tenant_health, and of
// the output of tenantctl health. Only URL and Code are known if another server answered.
type Answer struct {
	URL     string   `json:"url"`
	Code    int      `json:"code"` // HTTP status
	Status  string   `json:"status,omitempty"`
	Reasons []string `json:"reasons,omitempty"`

	Conditions []Condition       `json:"conditions,omitempty"`
	Lanes      map[string]Lanes  `json:"lanes,omitempty"`      // by exporter
	Components map[string]string `json:"components,omitempty"` // those with an error status
}

// Healthy reports whether the answer has status 200.
func (a *Answer) Healthy() bool { return a.Code == http.StatusOK }

// Known reports whether tenant_health answered, and not another server.
func (a *Answer) Known() bool { return a.Status != "" }

// Failing returns the conditions that keep the collector from its work: all but warnings.
func (a *Answer) Failing() (some []Condition) { return a.conditions(false) }

// Warnings returns the conditions with which the collector does its work.
func (a *Answer) Warnings() (some []Condition) { return a.conditions(true) }

func (a *Answer) conditions(warning bool) (some []Condition) {
	for _, c := range a.Conditions {
		if c.Warning == warning {
			some = append(some, c)
		}
	}
	return some
}

// Condition is what a collector cannot do.
type Condition struct {
	Name      string `json:"name"`
	Component string `json:"component,omitempty"`
	Cause     string `json:"cause,omitempty"`
	Message   string `json:"message"`
	Fix       string `json:"fix"`
	Since     string `json:"since,omitempty"`
	Warning   bool   `json:"warning,omitempty"` // the collector does its work, and could do more
	Ending    bool   `json:"ending,omitempty"`  // the cause is no longer found, and the condition about to end
}

// Lanes is the state of the queues of one exporter.
type Lanes struct {
	Queued      int64        `json:"queued_bytes"`
	Max         int64        `json:"max_bytes"`
	Oldest      float64      `json:"oldest_seconds"`
	DeadLetters *DeadLetters `json:"dead_letters,omitempty"` // nil: there are none
}

// DeadLetters is how many tenants and destinations have dead letters.
type DeadLetters struct {
	Tenants      int `json:"tenants"`
	Destinations int `json:"destinations"`
}
