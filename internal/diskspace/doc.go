// Package diskspace tells how much of a disk is free and what files take of it.
package diskspace

// Free is the room of a file system, for processes without the rights of the superuser.
type Free struct {
	Bytes int64 // free
	Total int64 // in all
}

const (
	maxReserve     = 64 << 20
	reserveDivisor = 20
)

// Reserve returns what should stay free unless the configuration says otherwise: a
// twentieth of the disk, at most 64 MiB.
func (f Free) Reserve() int64 { return min(maxReserve, f.Total/reserveDivisor) }
