// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package healthboard

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Lanes is the state of all lanes of an exporter.
type Lanes struct {
	Idle, Active, Waiting, Open int // lanes by state; Open counts those whose circuit breaker is open or half-open
	HalfOpen                    int // of the open lanes, those whose breaker is half-open: a probe decides
	Full                        int // of these, lanes with less than a twentieth of their capacity left
	NotOTLP                     int // of these, lanes whose destination last answered as no OTLP backend does, such as with a web page

	QueuedBytes, MaxBytes int64         // of all lanes together
	Fullest               float64       // the fullest lane's share of its own bound, from 0 to 1
	Oldest                time.Duration // age of the oldest queued data

	// Failing are lanes whose last attempt failed, the longest failing first. There are
	// at most MaxLaneFailures.
	Failing []LaneFailure

	Storage *Storage // nil: lanes are in memory, or the state of the disk is not known
	Routes  *Routes  // nil: no fault in the routes of any tenant is known

	DeadLetters *DeadLetters // nil: there are none, or they are not kept
}

// DeadLetters counts who has dead letters, without naming them.
type DeadLetters struct {
	Tenants, Destinations int
}

// MaxLaneFailures bounds Lanes.Failing.
const MaxLaneFailures = 16

// LaneFailure is a lane whose last attempt failed, and why. It is for the operator: it
// names the tenant and the destination, so a page that others read must not show all of
// it.
type LaneFailure struct {
	Tenant      tenant.ID
	Destination string
	Signal      tenant.Signal

	Open     bool          // its circuit breaker is open or half-open
	HalfOpen bool          // it is half-open: a probe decides
	Failures int           // in a row
	For      time.Duration // since the first of them
	Oldest   time.Duration // age of the oldest queued data

	Answer LaneAnswer // to the last attempt
}

// LaneAnswer is the result of an attempt that failed.
type LaneAnswer struct {
	At     time.Time
	Class  AnswerClass
	Reason string // the word in metrics, such as http_404 or connection_refused
	Status int    // of HTTP; 0: there was none
	Text   string // on one line, without secrets, at most MaxAnswerText bytes
	URL    string // to which an HTTP request was sent; empty: another protocol, or it contains a secret
}

// MaxAnswerText bounds LaneAnswer.Text.
const MaxAnswerText = 500

// AnswerClass groups failures by what an operator can do about them.
type AnswerClass string

// The classes of [AnswerClass].
const (
	AnswerRejected    AnswerClass = "refused"       // the destination rejects the credentials: 401, 402, 403, 407
	AnswerNotFound    AnswerClass = "not_found"     // nothing accepts the data at this address: 404, 405, a redirect, a web page
	AnswerBusy        AnswerClass = "busy"          // the destination, or a proxy before it, asks to retry later: 429, 503 and similar
	AnswerUnreachable AnswerClass = "unreachable"   // there is no connection, or no answer
	AnswerTLS         AnswerClass = "tls"           // there is a connection without trust
	AnswerConfig      AnswerClass = "misconfigured" // the settings cannot be used
	AnswerTooLarge    AnswerClass = "too_large"     // smaller batches may pass
	AnswerLocal       AnswerClass = "local"         // this process cannot read or write what it needs, such as its disk
)

// Storage is the state of the disk with the lanes, in bytes.
type Storage struct {
	Used, Free, Reserve int64         // by queue files; of the disk, -1 if not known; of Free, what is not for data
	Rejecting           bool          // data is rejected because the disk is full
	For                 time.Duration // how long data has been rejected
}

// Routes is what is wrong with the routes of active tenants.
type Routes struct {
	Tenants int // with a fault
	Faults  []RouteFault
}

// RouteFault is one kind of fault. Destination names may contain a tenant's name, so they
// are in the log only.
type RouteFault struct {
	Signal  tenant.Signal
	Problem RouteProblem
	Tenants int
}

// RouteProblem is what is wrong with a route.
type RouteProblem string

// The problems of [RouteFault].
const (
	RouteUnknown  RouteProblem = "unknown_destination"
	RouteSignal   RouteProblem = "signal_not_taken" // by the destination
	RouteSettings RouteProblem = "settings"         // a variable is missing or wrong
)
