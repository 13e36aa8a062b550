// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package tenant defines the identity of a request's tenant and the registry of tenants.
//
// The components of the distribution meet here: the registry extension implements
// [Registry], the authenticator puts an [Identity] into the context, the tenant processor
// stamps the data, and the routing exporter reads [Tenant] for routes and variables.
// Nothing here does I/O.
package tenant

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

const (
	// AttributeKey is the resource attribute that carries the tenant ID unless
	// a component is configured otherwise.
	AttributeKey = "business_id"

	// MetadataKey is the client metadata key that carries the tenant ID. It is
	// the only per-request value that batching (list it under metadata_keys)
	// and a persistent queue keep. It is set by [NewContext] alone.
	MetadataKey = "x-tenant-id"

	// HeaderBusinessID is a request header in which a caller may name its
	// tenant. It is checked against the key, never believed.
	HeaderBusinessID = "x-business-id"

	// HeaderScopeOrgID is the same by the name that Loki, Mimir and Tempo use.
	HeaderScopeOrgID = "X-Scope-OrgID"

	// MaxIDLength is the greatest number of bytes in an ID.
	MaxIDLength = 150
)

// ID identifies a tenant: 1 to [MaxIDLength] bytes of [A-Za-z0-9!_.*'()-], and
// not "." or "..". That is the grammar Loki, Mimir and Tempo accept, and it is
// safe as a path element and header value. The zero value means "no tenant".
type ID string

var errNoID = errors.New("tenant ID is empty")

// Validate returns an error that names the first rule the ID breaks. The error
// quotes at most the offending character, never the whole ID, because it may reach a
// caller.
func (id ID) Validate() error {
	switch {
	case id == "":
		return errNoID
	case len(id) > MaxIDLength:
		return fmt.Errorf("tenant ID has %d bytes, at most %d are allowed", len(id), MaxIDLength)
	case id == "." || id == "..":
		return errors.New(`tenant ID must not be "." or ".."`)
	}
	for i := range len(id) {
		if !validIDByte(id[i]) {
			r, _ := utf8.DecodeRuneInString(string(id[i:]))
			return fmt.Errorf("tenant ID has the character %q at byte %d; allowed are the letters A-Z and a-z, digits and !_.*'()-", r, i)
		}
	}
	return nil
}

func validIDByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '_', '.', '*', '\'', '(', ')', '-':
		return true
	}
	return false
}

// Status is what a tenant may do.
type Status string

const (
	// StatusActive accepts the tenant's data.
	StatusActive Status = "active"
	// StatusSuspended rejects the tenant's data with 403.
	StatusSuspended Status = "suspended"
	// StatusDeleted keeps the entry for the audit log only. Its keys are unknown.
	StatusDeleted Status = "deleted"
)

// Isolation is how a tenant's data is kept apart at its destinations.
type Isolation string

const (
	// IsolationDedicated means that no other tenant uses the destinations of this one.
	IsolationDedicated Isolation = "dedicated"
	// IsolationShared means that shared destinations distinguish tenants by header
	// and resource attribute.
	IsolationShared Isolation = "shared"
)
