// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// OutcomeUncertain is the outcome of a change that a crash interrupted. It is
// not known whether the change was ever in force, because the registry was
// changed by other means before the log was completed.
const OutcomeUncertain = "uncertain"

// Entry records one change of the registry or, in the log of a gateway, rejected
// requests. It contains no keys and no digests of keys. For variables that may be
// secrets it records only that they changed.
//
// The JSON names of an entry and of its parts are the file format of the log.
// They cannot change without making existing logs unreadable.
type Entry struct {
	Seq      int64         `json:"seq"` // position in the log, starting at 0
	Time     time.Time     `json:"time"`
	Actor    string        `json:"actor"` // who made the change, as stated by the caller
	User     string        `json:"user"`  // who made the change, according to the operating system
	Action   string        `json:"action"`
	Reason   string        `json:"reason,omitempty"`
	Before   string        `json:"registry_before,omitempty"` // SHA-256 of the registry; empty if it did not exist
	After    string        `json:"registry_after,omitempty"`
	Outcome  string        `json:"outcome,omitempty"` // empty: in force
	Changes  []Change      `json:"changes,omitzero"`
	Rejected *Rejected     `json:"refused,omitempty"`
	Segment  *SegmentStart `json:"begins,omitempty"`
	Accepted *Accepted     `json:"accepted,omitempty"`
}

// Accepted records that an operator accepted a registry with another history.
type Accepted struct {
	Epoch  int64    `json:"epoch"`            // of the history from now on
	Merged []string `json:"merged,omitempty"` // sources of the keys and tenants that ended after the backup
}

// Change lists the fields of one tenant that changed. Before is nil if the tenant
// was created, After is nil if it was deleted.
type Change struct {
	Tenant string         `json:"tenant"`
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

// Rejected counts the requests without a valid key that came from one source
// between From and To. It contains nothing that the caller sent.
type Rejected struct {
	Source  string           `json:"source"`            // an IPv4 address, an IPv6 /64, or "others"
	Sources int64            `json:"sources,omitempty"` // number of sources summed up as "others"
	From    time.Time        `json:"from"`
	To      time.Time        `json:"to"`
	Reasons map[string]int64 `json:"reasons"`
}

// SegmentStart is the content of the first entry of each segment of a segmented
// log.
type SegmentStart struct {
	Number   int64  `json:"part"`              // of this segment, starting at 1
	Previous string `json:"after,omitempty"`   // last checkpoint of the previous segment
	Pruned   int64  `json:"removed,omitempty"` // segments up to this number were pruned
	Damage   string `json:"damaged,omitempty"` // why the previous segment was not continued
}

// Revision is a registry before and after a change.
type Revision struct {
	BeforeText, AfterText []byte // BeforeText is nil if the registry did not exist
	Before, After         []*tenant.Tenant
}

// Hash returns the text that identifies the content of a registry in entries. It
// is empty for a registry that does not exist.
func Hash(registry []byte) string {
	if registry == nil {
		return ""
	}
	sum := sha256.Sum256(registry)
	return hex.EncodeToString(sum[:])
}

// Encode returns the entry as one line without a line break.
func (e *Entry) Encode() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
