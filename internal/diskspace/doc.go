// Package diskspace tells how much of a disk is free and what files take of it.
package diskspace

// Free is the room of a file system, for whoever is not the superuser.
type Free struct {
	Bytes int64 // free
	Total int64 // in all
}
