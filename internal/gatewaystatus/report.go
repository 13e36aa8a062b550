// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package gatewaystatus

import (
	"encoding/json"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
)

// The paths of the API. A tenant's ID follows PathTenant.
const (
	PathOverview = "/status"
	PathTenants  = "/status/tenants"
	PathTenant   = PathTenants + "/"
	PathKeys     = "/status/keys"
)

// MaxPage is the largest number of tenants in a [Page].
const MaxPage = 1000

// Gateway is the process that answers.
type Gateway struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Time    time.Time `json:"time"` // when the answer was made

	// SilentAfter is how long a tenant must have sent nothing to be silent, in seconds, and
	// InactiveAfter how long until it is inactive.
	SilentAfter   float64 `json:"silent_after_seconds"`
	InactiveAfter float64 `json:"inactive_after_seconds"`

	Health json.RawMessage `json:"health,omitempty"` // the body of /health
}

// Overview is the state of a gateway and of all of its tenants.
type Overview struct {
	Gateway  Gateway   `json:"gateway"`
	Findings []Finding `json:"findings"` // about the gateway itself, the worst first

	Tenants TenantCounts `json:"tenants"`
	Keys    KeyCounts    `json:"keys"`

	// Faulty are the tenants with errors and warnings, the worst first, at most 100 of
	// FaultyTotal.
	Faulty      []Line `json:"faulty"`
	FaultyTotal int    `json:"faulty_total"`

	// UnknownCallers are sources of requests without a key of the registry, the latest first.
	UnknownCallers []activity.Unknown `json:"unknown_callers,omitempty"`
}

// TenantCounts count the tenants of the registry by status, and the active ones by what they
// send.
type TenantCounts struct {
	Total     int `json:"total"`
	Active    int `json:"active"`
	Suspended int `json:"suspended"`
	Deleted   int `json:"deleted"`

	Sending   int `json:"sending"`
	Silent    int `json:"silent"`
	Inactive  int `json:"inactive"`
	NeverSent int `json:"never_sent"`
}

// KeyCounts count the keys of active tenants that are valid.
type KeyCounts struct {
	Active   int `json:"active"`
	Silent   int `json:"silent"`
	NeverUse int `json:"never_used"`
}

// Line is one tenant in a list.
type Line struct {
	ID           string     `json:"id"`
	Name         string     `json:"name,omitempty"`
	Status       string     `json:"status"` // of the registry
	Sending      Sending    `json:"sending"`
	LastAccepted *time.Time `json:"last_accepted,omitempty"`
	Findings     []Finding  `json:"findings"` // the worst first
}

// Page is a part of the list of all tenants, by ID.
type Page struct {
	Tenants []Line `json:"tenants"`
	Next    string `json:"next,omitempty"` // the value of "after" for the next page; empty: there is none
}

// Sending is whether a tenant or a key is in use.
type Sending string

// The values of [Sending].
const (
	SendingNow      Sending = "sending"
	SendingSilent   Sending = "silent"   // it was in use, and is not any more
	SendingInactive Sending = "inactive" // it was not used for so long that it is not missed
	SendingNever    Sending = "never"
)

// Tenant is everything that the gateway knows about one tenant.
type Tenant struct {
	Gateway Gateway `json:"gateway"`

	ID       string    `json:"id"`
	Name     string    `json:"name,omitempty"`
	Status   string    `json:"status"`
	Sending  Sending   `json:"sending"`
	Findings []Finding `json:"findings"` // the worst first; at least one

	LastAccepted *time.Time                     `json:"last_accepted,omitempty"`
	Signals      map[string]activity.SignalView `json:"signals"`
	ClockAhead   *ClockAhead                    `json:"clock_ahead,omitempty"`

	Keys        []Key                  `json:"keys"`
	Rejections  []activity.Rejection   `json:"rejections"` // the latest first
	Routes      map[string][]string    `json:"routes"`
	RouteFaults []string               `json:"route_faults,omitempty"`
	Lanes       []activity.Lane        `json:"lanes"`
	DeadLetters []activity.DeadLetters `json:"dead_letters,omitempty"`
	Quotas      []activity.Quota       `json:"quotas,omitempty"`

	// UnknownCallers are sources of requests without a key of the registry, the latest first.
	// A wrong key does not say whose it is: the tenant's machines may be among them.
	UnknownCallers []activity.Unknown `json:"unknown_callers,omitempty"`
}

// ClockAhead is the last clock that was ahead of the gateway's by more than two minutes.
type ClockAhead struct {
	activity.Ahead
	By float64 `json:"by_seconds"`
}

// Key is the use of one key.
type Key struct {
	ID        string            `json:"id"`
	State     string            `json:"state"` // active, pending, expired or revoked
	Scopes    []string          `json:"scopes"`
	Sending   Sending           `json:"sending"`
	LastUsed  *time.Time        `json:"last_used,omitempty"`
	FirstUsed *time.Time        `json:"first_used,omitempty"` // since the start of the gateway
	Sources   []activity.Source `json:"sources,omitempty"`    // since then, at most 8, the latest first
	ExpiresAt *time.Time        `json:"expires_at,omitempty"`
	RevokedAt *time.Time        `json:"revoked_at,omitempty"`

	Description string `json:"description,omitempty"`
}

// KeyUses are the last uses of all keys that were ever used, by key ID.
type KeyUses struct {
	LastUsed map[string]time.Time `json:"last_used"`
}
