// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import "time"

// Batch is what a target sends in one call. An OTLP export request is one repeated field, so
// the concatenation of Payloads is itself a request. Each payload is as encoded, or compressed by
// Settings.Precompress, or the result of Settings.Cut.
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

// NewBatch returns a batch of one payload with data, to be sent without a lane.
func NewBatch(destination string, p *Payload) *Batch {
	b := newBatch(Key{Tenant: p.Tenant, Destination: destination, Signal: p.Signal}, &portion{entries: []*Payload{p}})
	b.Payloads = [][]byte{p.Data}
	return b
}

// Oldest returns when the oldest payload of the batch was accepted.
func (b *Batch) Oldest() time.Time {
	var oldest time.Time
	if b.portion == nil {
		return oldest // it has no payloads of a lane
	}
	for _, p := range b.portion.entries {
		if oldest.IsZero() || p.Accepted.Before(oldest) {
			oldest = p.Accepted
		}
	}
	return oldest
}
