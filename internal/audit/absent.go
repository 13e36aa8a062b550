package audit

// Part is one of the things that a log consists of.
type Part string

// The parts of a log.
const (
	PartEntries    Part = "entries"
	PartHashes     Part = "stored hashes"
	PartCheckpoint Part = "checkpoint"
)

// Placed is a Storage that has its parts in places that a person can look at.
type Placed interface {
	// Place returns the path of a part.
	Place(part Part) string
}

// found is what there is of a log.
type found struct {
	checkpoint bool
	entries    int64
	hashes     int
	cut        int64 // the entry that has no end; negative: all have
}

// absent reports which parts of a log are missing though others are there, and what to do.
func (r *Report) absent(s Storage, f found) {
	at := func(part Part) string {
		if p, ok := s.(Placed); ok {
			return ", " + p.Place(part)
		}
		return ""
	}
	const remedy = "put it back from a backup of the log"
	if f.entries == 0 {
		r.fault("the %s are missing%s: %s", PartEntries, at(PartEntries), remedy)
	}
	if f.hashes == 0 {
		r.fault("the %s are missing%s: %s", PartHashes, at(PartHashes), remedy)
	}
	if !f.checkpoint {
		r.fault("the %s is missing%s: nothing says that the %d entries are all; %s", PartCheckpoint, at(PartCheckpoint), f.entries, remedy)
	}
	if f.cut >= 0 {
		r.fault("entry %d is cut off in the middle%s: %s", f.cut, at(PartEntries), remedy)
	}
}
