// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package activity

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Deliveries shows what becomes of accepted data. An exporter implements it. The methods
// are called rarely, from any goroutine, and must not block.
type Deliveries interface {
	// Lanes returns the open lanes of a tenant. A lane without data closes after a while.
	Lanes(id tenant.ID) []Lane

	// Failing returns the lanes of all tenants whose last attempt failed, at most limit.
	Failing(limit int) []Lane

	// DeadLetters returns the dead letters of a tenant since the start of the exporter. If
	// only an earlier run has written some, their counts are zero.
	DeadLetters(id tenant.ID) []DeadLetters

	// WithDeadLetters returns the tenants that have dead letters.
	WithDeadLetters() []tenant.ID

	// Routes returns the destinations of each signal of a tenant, by name, and why data of
	// some do not get there, in words for the operator.
	Routes(id tenant.ID) (destinations map[string][]string, faults []string)
}

// Lane is the state of one lane.
type Lane struct {
	Tenant      tenant.ID `json:"tenant"`
	Destination string    `json:"destination"`
	Signal      string    `json:"signal"`

	State         string     `json:"state"`              // idle, active, waiting or open; half_open is open
	Failures      int        `json:"failures,omitempty"` // in a row
	FailingSince  *time.Time `json:"failing_since,omitempty"`
	NextAttempt   *time.Time `json:"next_attempt,omitempty"` // of a lane that fails
	QueuedBytes   int64      `json:"queued_bytes"`
	MaxBytes      int64      `json:"max_bytes"`
	Oldest        *time.Time `json:"oldest,omitempty"` // when the oldest data was accepted
	LastDelivered *time.Time `json:"last_delivered,omitempty"`
	LastAnswer    *Answer    `json:"last_answer,omitempty"` // of the last attempt, if it failed
}

// Answer is how a destination answered an attempt that failed.
type Answer struct {
	Time   time.Time `json:"time"`
	Class  string    `json:"class"`            // see healthboard.AnswerClass
	Reason string    `json:"reason"`           // the word in metrics, such as http_401
	Status int       `json:"status,omitempty"` // of HTTP
	Text   string    `json:"text,omitempty"`   // on one line, without secrets, at most 500 bytes
	URL    string    `json:"url,omitempty"`    // without secrets
}

// DeadLetters are those of one destination and signal.
type DeadLetters struct {
	Directory   string  `json:"directory"` // of those of all tenants
	Destination string  `json:"destination"`
	Signal      string  `json:"signal,omitempty"`   // empty: an earlier run has written them
	Requests    int64   `json:"requests,omitempty"` // since the start of the exporter
	Records     int64   `json:"records,omitempty"`
	Last        *Answer `json:"last,omitempty"`
}
