// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package stamp writes into data which tenant, environment, service and machine it is
// from, and overwrites what senders claim. It also repairs invalid UTF-8
// and normalizes severities, so that a request is walked once.
package stamp

import "sync"

// Owner is whose data a request is.
type Owner struct {
	// Identity is the attribute with the tenant's ID. Every resource has it. Everywhere
	// else it has the right value or is absent.
	Identity Attribute

	// Attributes are the tenant's own attributes, which every resource has.
	Attributes []Attribute
}

// Stamper stamps requests. Its fields must not change after the first request. It is then
// safe for concurrent use. It must not be copied.
type Stamper struct {
	// Environment is set as deployment.environment and deployment.environment.name where
	// a resource has neither; empty: it is not.
	Environment string

	// ServiceName is set as service.name where a resource has none; empty: it is not.
	ServiceName string

	// Machine is added to resources that name no other host.
	Machine Machine

	// NormalizeSeverity sets the severity text of log records to the name of the number.
	NormalizeSeverity bool

	editors sync.Pool // of *editor
}

// Overwritten counts the attributes that named another tenant, by their place.
type Overwritten struct{ Resource, Scope, Record int }

// Result is what a Stamper changed in one request.
type Result struct {
	Overwritten       Overwritten
	RepairedStrings   int // that were not UTF-8
	UnknownSeverities int // log records with a severity that is not known
}
