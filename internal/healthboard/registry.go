// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package healthboard

import "time"

// Registry is the state of a tenant registry.
type Registry struct {
	Loaded      bool      // there is a snapshot
	Hash        string    // of the snapshot, shortened
	Source      string    // where the snapshot is from: file, postgres, or snapshot for the copy on disk
	ConfirmedAt time.Time // when the source was last known to have the content of the snapshot

	Failure *RegistryFailure // why the content of the source is not in force; nil: it is in force
}

// RegistryFailure is why the content of a source is not in force.
type RegistryFailure struct {
	Class    FailureClass
	Action   string // the command that repairs it; empty: there is more than one
	Since    time.Time
	Rejected int             // entries of tenants with faults, as far as they could be read
	Faults   []RejectedEntry // the first of them
}

// FailureClass is the kind of failure of a registry's source.
type FailureClass string

// The classes of [FailureClass].
const (
	FailureMissing     FailureClass = "missing"       // there is no registry
	FailureUnsettled   FailureClass = "unsettled"     // it is being written, for longer than it should take
	FailureUnavailable FailureClass = "unavailable"   // it cannot be read
	FailureInvalid     FailureClass = "invalid"       // it was read and has faults
	FailureConfig      FailureClass = "misconfigured" // the configuration does not say how to reach it
	FailureForked      FailureClass = "forked"        // it was read and does not succeed what is in force, like a restored backup
)

// RejectedEntry is the place of a fault. The log names the tenant and the fault.
type RejectedEntry struct {
	Line  int    // of the registry file, or of the file that the rows of a database make
	Row   int    // in a database, counted from 1, of a row that is no part of such a file
	Field string // of the entry, such as keys or limits; empty: the entry as a whole
}
