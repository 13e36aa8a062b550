// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"context"
)

// Store keeps payloads across restarts. It is safe for concurrent use.
type Store interface {
	// Put makes parts durable, all or none, and sets their payloads' StoreID.
	Put(ctx context.Context, parts []Part) error

	// Read returns the data of payloads in their order. An element is nil if its payload is lost.
	Read(ctx context.Context, payloads []*Payload) ([][]byte, error)

	// Release removes destination from those that payloads are kept for. It does no I/O. A payload without
	// destinations is deleted later.
	Release(payloads []*Payload, destination string)
}

// Space is how many bytes a store can take of a tenant.
type Space struct {
	Disk  int64 // free on the disk, without a reserve
	Small int64 // a tenant that holds less is admitted even if Disk is used up
	Quota int64 // left of MaxTotalBytes in the files of the store
}

// fits reports whether the disk has space for a tenant that holds bytes then, while pending bytes of all
// tenants are not on the disk yet.
func (s *Space) fits(bytes, pending int64) bool {
	return bytes <= s.Disk-pending || bytes <= s.Small
}
