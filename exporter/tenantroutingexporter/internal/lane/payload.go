// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Key names a lane.
type Key struct {
	Tenant      tenant.ID
	Destination string
	Signal      tenant.Signal
}

// Payload is one tenant's share of one accepted request, an encoded OTLP export
// request. The lanes of all its destinations share it. It must not be changed
// after it was offered.
type Payload struct {
	Tenant tenant.ID
	Signal tenant.Signal

	// Watched is set for payloads left by a process that crashed: attempts are recorded with
	// Settings.Watch. Deaths counts the processes that ended while they sent this payload. If it is
	// not zero, the payload is sent alone.
	Watched bool
	Deaths  uint8

	Rejection *Rejection // the known answer of its destinations; nil: none is known

	refs int32 // lanes that hold it; guarded by Scheduler.mu

	Records  int       // log records, data points or spans
	Size     int       // bytes of the encoded request, also if Data is compressed or in the store only
	Accepted time.Time // set by Offer
	Data     []byte    // as encoded, or compressed by Settings.Precompress; nil: to be read back from the store
	StoreID  uint64    // set by the store
}

// Route leads a payload to one destination.
type Route struct {
	Destination string
	Target      Target // nil: not known yet; the lane waits for Scheduler.Retarget
}

// Part is a payload with the routes to all its destinations.
type Part struct {
	Payload *Payload
	Routes  []Route
}

// Rejection is the known answer of all destinations of a payload. The payload is not sent to them: its
// lane treats it as rejected. It is not stored. After a restart the destination itself rejects the payload.
type Rejection struct {
	Reason string // a short, enumerable word for metrics
	Err    error  // for the operator
}
