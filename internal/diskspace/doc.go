// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package diskspace measures how much of a disk is free and how much files use.
package diskspace

// Free is the space of a file system that processes without root privileges can use.
type Free struct {
	Bytes int64 // free bytes
	Total int64 // bytes in total
}

const (
	maxReserve     = 64 << 20
	reserveDivisor = 20
)

// Reserve returns how many bytes stay free by default: 5 % of the disk, at most 64 MiB.
func (f Free) Reserve() int64 { return min(maxReserve, f.Total/reserveDivisor) }
