// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rotation

// Path is what was observed at the path of a log.
type Path struct {
	// Exists is whether there is a file.
	Exists bool
	// Followed is whether a file is open that was at the path before.
	Followed bool
	// Same is whether that is still the file at the path, by its inode.
	Same bool
	// Own is whether this process writes the file at the path.
	Own bool
	// Refused is whether the file was refused lately and has not changed since.
	Refused bool
}

// PathChange is what has happened at a path.
type PathChange int

const (
	// PathMissing means that there is no file. An open one is still read.
	PathMissing PathChange = iota
	// PathUnchanged means that the open file is still there.
	PathUnchanged
	// PathRefused means that the file there may not be read.
	PathRefused
	// PathNew means that the file there must be opened.
	PathNew
)

// String implements fmt.Stringer.
func (c PathChange) String() string {
	return [...]string{"missing", "unchanged", "refused", "new"}[c]
}

// Classify returns what has happened. replaced is set if the open file is no longer that of
// the path, and has thus been rotated.
func (p Path) Classify() (change PathChange, replaced bool) {
	if !p.Exists {
		return PathMissing, false
	}
	if p.Followed && p.Same && !p.Own {
		return PathUnchanged, false
	}
	if p.Refused {
		return PathRefused, p.Followed
	}
	return PathNew, p.Followed
}

// Opened is what is known of a file at the path of a log after it was opened.
type Opened struct {
	// Rotated is whether it is one of the rotated files that the log has open.
	Rotated bool
	// OpenElsewhere is whether another log has it open, under another path.
	OpenElsewhere bool
	// Continues is whether it still holds what was read of it before, under another path or
	// by another process.
	Continues bool
}

// Origin is where a file at the path of a log comes from.
type Origin int

const (
	// OriginNew is a file of which nothing was read.
	OriginNew Origin = iota
	// OriginMovedBack is a rotated file that was moved back.
	OriginMovedBack
	// OriginElsewhere is a file that is left to another log until that closes it.
	OriginElsewhere
	// OriginKnown is a file that is read from where its reading ended.
	OriginKnown
)

// String implements fmt.Stringer.
func (o Origin) String() string {
	return [...]string{"new", "moved back", "elsewhere", "known"}[o]
}

// Classify returns where the file comes from.
func (o Opened) Classify() Origin {
	switch {
	case o.Rotated:
		return OriginMovedBack
	case o.OpenElsewhere:
		return OriginElsewhere
	case o.Continues:
		return OriginKnown
	}
	return OriginNew
}
