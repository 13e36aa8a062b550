// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rejection

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// Reason is why a request is rejected. The zero value is [None].
type Reason uint8

// The reasons. The table below says what each of them means to a caller.
const (
	None Reason = iota // the request is not rejected

	NoKey
	SeveralKeys
	NotBearer
	PercentEncoded
	QuotedKey
	NoScheme
	OtherScheme
	DoubledScheme
	MalformedBasic
	MalformedKey
	UnknownKey
	WrongUsername
	TenantDeleted
	RevokedKey
	NotYetValid
	ExpiredKey
	SourceAddress
	Origin
	TenantHeader
	NoIdentity
	UnknownTenant

	Suspended
	Scope
	TenantMismatch
	NoRoute

	Rate
	Quota
	LaneFull
	TenantRequests
	TenantMemory

	NotLoaded
	Requests
	Memory
	Stopping
	Migration
	TooManyTenants
	UnknownDestination
	DiskFull
	Storage
	Downstream

	Path
	Method
	ContentType
	Malformed
	NoStream
	NoTenant
	TooLarge
	Depth
	Elements
	Encoding
	Slow
	Canceled
	Panic

	numReasons
)

// NumReasons is the number of reasons, for counters that are indexed by them.
const NumReasons = int(numReasons)

// statusClientClosedRequest is the status that proxies log for callers that went
// away. No caller reads it.
const statusClientClosedRequest = 499

// row is one reason as callers and operators see it.
type row struct {
	name  string        // the value of the metric attribute "reason"
	code  codes.Code    // over gRPC
	http  int           // over HTTP
	delay time.Duration // after which the caller may retry; 0: it must not
	text  string        // what the caller reads; a format if it has a verb
}

// table is the one place that decides how a situation is answered. It is never
// changed. docs/architecture.md shows it, and a test compares the two.
var table = [numReasons]row{
	NoKey:          {"no_key", codes.Unauthenticated, http.StatusUnauthorized, 0, `no API key: send the header "Authorization: Bearer <key>"`},
	SeveralKeys:    {"several_keys", codes.Unauthenticated, http.StatusUnauthorized, 0, "several Authorization headers: send one"},
	NotBearer:      {"not_bearer", codes.Unauthenticated, http.StatusUnauthorized, 0, `the Authorization header is not of the form "Bearer <key>"`},
	PercentEncoded: {"percent_encoded", codes.Unauthenticated, http.StatusUnauthorized, 0, `the Authorization header is percent-encoded, such as "Bearer%20<key>": send "Bearer <key>"; not every program decodes OTEL_EXPORTER_OTLP_HEADERS`},
	QuotedKey:      {"quoted_key", codes.Unauthenticated, http.StatusUnauthorized, 0, `the Authorization header has quotes around it or around the key: send "Bearer <key>" without them`},
	NoScheme:       {"no_scheme", codes.Unauthenticated, http.StatusUnauthorized, 0, `the Authorization header has a key and no scheme: send "Bearer <key>"`},
	OtherScheme:    {"other_scheme", codes.Unauthenticated, http.StatusUnauthorized, 0, `the Authorization header has another scheme than Bearer or Basic: send "Bearer <key>"`},
	DoubledScheme:  {"doubled_scheme", codes.Unauthenticated, http.StatusUnauthorized, 0, `the Authorization header has "Bearer" twice: send "Bearer <key>"`},
	MalformedBasic: {"malformed_basic", codes.Unauthenticated, http.StatusUnauthorized, 0, `the Basic credentials are not the base64 encoding of "<user>:<key>": configure the API key as the password`},
	MalformedKey:   {"malformed_key", codes.Unauthenticated, http.StatusUnauthorized, 0, "malformed API key: copy the whole key, a character is missing, wrong or added"},
	UnknownKey:     {"unknown_key", codes.Unauthenticated, http.StatusUnauthorized, 0, "unknown API key"},
	// Callers cannot find out whose key they have, or had.
	WrongUsername: {"wrong_username", codes.Unauthenticated, http.StatusUnauthorized, 0, "unknown API key"},
	TenantDeleted: {"tenant_deleted", codes.Unauthenticated, http.StatusUnauthorized, 0, "unknown API key"},
	RevokedKey:    {"revoked_key", codes.Unauthenticated, http.StatusUnauthorized, 0, "the API key is revoked"},
	NotYetValid:   {"not_yet_valid", codes.Unauthenticated, http.StatusUnauthorized, 0, "the API key is not valid yet"},
	ExpiredKey:    {"expired_key", codes.Unauthenticated, http.StatusUnauthorized, 0, "the API key has expired"},
	SourceAddress: {"source_address", codes.Unauthenticated, http.StatusUnauthorized, 0, "the API key must not be used from this address"},
	Origin:        {"origin", codes.Unauthenticated, http.StatusUnauthorized, 0, "the API key must not be used from this web origin"},
	TenantHeader:  {"tenant_header", codes.Unauthenticated, http.StatusUnauthorized, 0, "the header x-business-id or X-Scope-OrgID names another tenant than the API key"},
	NoIdentity:    {"no_identity", codes.Unauthenticated, http.StatusUnauthorized, 0, "the request has no authenticated tenant"},
	UnknownTenant: {"unknown_tenant", codes.Unauthenticated, http.StatusUnauthorized, 0, "the tenant does not exist"},

	Suspended:      {"suspended", codes.PermissionDenied, http.StatusForbidden, 0, "the tenant is suspended"},
	Scope:          {"scope", codes.PermissionDenied, http.StatusForbidden, 0, "the API key may not send %v"},
	TenantMismatch: {"tenant_mismatch", codes.PermissionDenied, http.StatusForbidden, 0, "resource tenant does not match the API key's tenant"},
	NoRoute:        {"no_route", codes.PermissionDenied, http.StatusForbidden, 0, "the tenant has no destination for %v"},

	Rate:           {"rate", codes.ResourceExhausted, http.StatusTooManyRequests, 2 * time.Second, "over a rate limit of the tenant"},
	Quota:          {"quota", codes.ResourceExhausted, http.StatusTooManyRequests, time.Minute, "over a quota of the tenant"},
	LaneFull:       {"lane_full", codes.ResourceExhausted, http.StatusTooManyRequests, 2 * time.Second, "a queue of the tenant is full"},
	TenantRequests: {"tenant_requests", codes.ResourceExhausted, http.StatusTooManyRequests, 2 * time.Second, "too many requests of this tenant are in flight"},
	TenantMemory:   {"tenant_memory", codes.ResourceExhausted, http.StatusTooManyRequests, 2 * time.Second, "this tenant's requests in flight hold too much memory"},

	NotLoaded:          {"registry_not_loaded", codes.Unavailable, http.StatusServiceUnavailable, 4 * time.Second, "the tenant registry has not been loaded yet"},
	Requests:           {"requests", codes.Unavailable, http.StatusServiceUnavailable, 2 * time.Second, "too many requests are in flight"},
	Memory:             {"memory", codes.Unavailable, http.StatusServiceUnavailable, 2 * time.Second, "the requests in flight hold too much memory"},
	Stopping:           {"stopping", codes.Unavailable, http.StatusServiceUnavailable, 2 * time.Second, "the collector is shutting down"},
	Migration:          {"migration", codes.Unavailable, http.StatusServiceUnavailable, 2 * time.Second, "the queue of an earlier version is being migrated"},
	TooManyTenants:     {"too_many_tenants", codes.Unavailable, http.StatusServiceUnavailable, 30 * time.Second, "%v other tenants already have data here (max_tenants)"},
	UnknownDestination: {"unknown_destination", codes.Unavailable, http.StatusServiceUnavailable, 30 * time.Second, "the route of the tenant's %v does not work"},
	DiskFull:           {"disk_full", codes.Unavailable, http.StatusServiceUnavailable, 5 * time.Second, "the collector's disk is full"},
	Storage:            {"storage", codes.Unavailable, http.StatusServiceUnavailable, 2 * time.Second, "the collector cannot store data"},
	Downstream:         {"downstream", codes.Unavailable, http.StatusServiceUnavailable, 2 * time.Second, "the collector cannot accept the data now"},

	Path:        {"path", codes.Unimplemented, http.StatusNotFound, 0, "there is nothing at this path, send to %v"},
	Method:      {"method", codes.Unimplemented, http.StatusMethodNotAllowed, 0, "the method is not supported, use POST"},
	ContentType: {"content_type", codes.Unimplemented, http.StatusUnsupportedMediaType, 0, "the Content-Type is not supported, send %v"},
	Malformed:   {"malformed", codes.InvalidArgument, http.StatusBadRequest, 0, "the data is malformed"},
	// Text and status are those of Loki.
	NoStream: {"no_stream", codes.InvalidArgument, http.StatusUnprocessableEntity, 0, "error at least one valid stream is required for ingestion"},
	NoTenant: {"no_tenant", codes.InvalidArgument, http.StatusBadRequest, 0, `a resource lacks the attribute "%v", which names its tenant`},
	TooLarge: {"too_large", codes.ResourceExhausted, http.StatusRequestEntityTooLarge, 0, "the request is too large"},
	Depth:    {"depth", codes.ResourceExhausted, http.StatusRequestEntityTooLarge, 0, "the request nests values too deeply"},
	Elements: {"elements", codes.ResourceExhausted, http.StatusRequestEntityTooLarge, 0, "the request has too many elements"},
	Encoding: {"encoding", codes.Unimplemented, http.StatusUnsupportedMediaType, 0, "the Content-Encoding is not supported"},
	Slow:     {"slow", codes.DeadlineExceeded, http.StatusRequestTimeout, 0, "the body arrives too slowly"},
	Canceled: {"canceled", codes.Canceled, statusClientClosedRequest, 0, "the caller canceled the request"},
	Panic:    {"panic", codes.Internal, http.StatusInternalServerError, 0, "internal error"},
}

// row returns the row of r. A value that is no reason is a defect and answered
// as one.
func (r Reason) row() *row {
	if r >= numReasons {
		r = Panic
	}
	return &table[r]
}

// String returns the value of the metric attribute "reason".
func (r Reason) String() string { return r.row().name }

// Code returns the gRPC code.
func (r Reason) Code() codes.Code { return r.row().code }

// HTTPStatus returns the HTTP status code.
func (r Reason) HTTPStatus() int { return r.row().http }

// Retryable reports whether the caller may send the same request again.
func (r Reason) Retryable() bool { return r.row().delay > 0 }

// Text returns what a caller reads. args replace the verbs of the text: a signal
// for [Scope], [NoRoute] and [UnknownDestination], a number for [TooManyTenants],
// an attribute for [NoTenant], what to send for [Path] and [ContentType]. Other texts ignore them.
func (r Reason) Text(args ...any) string {
	text := r.row().text
	if len(args) == 0 || !strings.Contains(text, "%v") {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// StatusOf returns the HTTP status of the reason with a name, or 0 if there is none. Receivers
// answer some reasons with another one.
func StatusOf(name string) int {
	for r := None + 1; r < numReasons; r++ {
		if table[r].name == name {
			return table[r].http
		}
	}
	return 0
}

// TextOf returns the text of the reason with a name if it has no verbs, else "".
func TextOf(name string) string {
	for r := None + 1; r < numReasons; r++ {
		if table[r].name == name && !strings.Contains(table[r].text, "%") {
			return table[r].text
		}
	}
	return ""
}
