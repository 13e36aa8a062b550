package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// OutcomeUncertain is the outcome of a change that a crash interrupted and of
// which nobody can tell whether it was in force, because the registry was
// changed by other means before the log was completed.
const OutcomeUncertain = "uncertain"

// Entry is one change of the registry or, in the log of a gateway, what it
// refused. It holds no secret: no key, no digest of a key, and of variables that
// may be secrets only that they changed.
type Entry struct {
	Seq     int64     `json:"seq"` // its place in the log, counted from 0
	Time    time.Time `json:"time"`
	Actor   string    `json:"actor"` // who, as they say
	User    string    `json:"user"`  // who, as the operating system says
	Action  string    `json:"action"`
	Reason  string    `json:"reason,omitempty"`
	Before  string    `json:"registry_before,omitempty"` // SHA-256 of the registry; empty: there was none
	After   string    `json:"registry_after,omitempty"`
	Outcome string    `json:"outcome,omitempty"` // empty: in force
	Changes []Change  `json:"changes,omitzero"`
	Refused *Refused  `json:"refused,omitempty"`
	Begins  *Begins   `json:"begins,omitempty"`

	Accepted *Accepted `json:"accepted,omitempty"`
}

// Accepted says that an operator has accepted a registry with another history.
type Accepted struct {
	Epoch  int64    `json:"epoch"`            // of the history from now on
	Merged []string `json:"merged,omitempty"` // where it was looked up what was ended since the backup
}

// Change is what became of one tenant. Before and After hold the fields that
// differ; nil means that there was no such tenant, or that there is none now.
type Change struct {
	Tenant string         `json:"tenant"`
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

// Refused is how many requests without a valid key came from one source in a
// minute. Nothing of what a caller sent is in it.
type Refused struct {
	Source  string           `json:"source"`            // an IPv4 address, an IPv6 /64, or "others"
	Sources int64            `json:"sources,omitempty"` // how many the others are
	From    time.Time        `json:"from"`
	To      time.Time        `json:"to"`
	Reasons map[string]int64 `json:"reasons"`
}

// Begins is what the first entry of each part of a [Series] says.
type Begins struct {
	Part    int64  `json:"part"`              // counted from 1
	After   string `json:"after,omitempty"`   // the last checkpoint of the part before
	Removed int64  `json:"removed,omitempty"` // parts up to this one made room
	Damaged string `json:"damaged,omitempty"` // why the part before was not continued
}

// Revision is a registry before and after a change.
type Revision struct {
	BeforeText, AfterText []byte // BeforeText is nil if there was none
	Before, After         []*tenant.Tenant
}

// Hash returns what identifies a registry in entries.
func Hash(registry []byte) string {
	if registry == nil {
		return ""
	}
	sum := sha256.Sum256(registry)
	return hex.EncodeToString(sum[:])
}

// encode returns the entry as one line, without its end.
func (e *Entry) encode() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
