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

	// Watched payloads were left by a process that ended by a fault of its own,
	// and Deaths counts how often one ended while it sent this one. Attempts of
	// the former are noted with Settings.Watch; one of the latter is sent alone.
	Watched bool
	Deaths  uint8

	Refusal *Refusal // nil: none is known

	refs int32 // lanes that still hold it; guarded by Scheduler.mu

	Records  int       // log records, data points or spans
	Size     int       // bytes of the encoded request, also when Data is in the store only or compressed
	Accepted time.Time // set by Offer
	Data     []byte    // as encoded, or compressed by Settings.Seal; nil: to be read back from the store
	StoreID  uint64    // set by the store
}

// Route leads a payload to one destination.
type Route struct {
	Destination string
	Target      Target // nil: not known yet, the lane waits for one
}

// Part is a payload with the routes to all its destinations.
type Part struct {
	Payload *Payload
	Routes   []Route
}

// Batch is what a target gets to send in one call. Since an OTLP export request
// is one repeated field, the concatenation of Payloads is itself a request. Each of
// them is as encoded, or in the form that Settings.Seal gave it, or what Settings.Cut
// made of that.
type Batch struct {
	Key      Key
	Payloads [][]byte
	Bytes    int // as encoded
	Records  int

	portion *portion
}

func newBatch(key Key, po *portion) *Batch {
	b := &Batch{Key: key, Records: po.records(), portion: po}
	for _, p := range po.entries {
		b.Bytes += p.Size
	}
	return b
}

// NewBatch returns a batch of one payload with data, to be sent outside of a lane.
func NewBatch(destination string, p *Payload) *Batch {
	b := newBatch(Key{Tenant: p.Tenant, Destination: destination, Signal: p.Signal}, &portion{entries: []*Payload{p}})
	b.Payloads = [][]byte{p.Data}
	return b
}

// Oldest returns when the oldest payload of the batch was accepted.
func (b *Batch) Oldest() time.Time {
	var oldest time.Time
	if b.portion == nil {
		return oldest // it is of no lane
	}
	for _, p := range b.portion.entries {
		if oldest.IsZero() || p.Accepted.Before(oldest) {
			oldest = p.Accepted
		}
	}
	return oldest
}
