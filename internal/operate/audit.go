// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
)

// AuditEntries returns the entries of the audit log, oldest first. If tenantID
// is not empty, it returns only entries that changed that tenant. Entries are
// not verified: see [Registry.VerifyAudit].
func (r *Registry) AuditEntries(ctx context.Context, tenantID string) ([]*audit.Entry, error) {
	entries := []*audit.Entry{}
	err := r.log(ctx, func(log audit.Storage, _ audit.Keys) error {
		n := -1
		return log.Entries(ctx, func(text []byte) error {
			n++
			e := &audit.Entry{}
			if err := json.Unmarshal(text, e); err != nil {
				return fmt.Errorf("entry %d cannot be decoded; run \"tenantctl audit verify\"", n)
			}
			if tenantID == "" || slices.ContainsFunc(e.Changes, func(c audit.Change) bool { return c.Tenant == tenantID }) {
				entries = append(entries, e)
			}
			return nil
		})
	})
	return entries, err
}

// Verification is the result of verifying an audit log.
type Verification struct {
	Valid      bool   `json:"valid"`
	Entries    int64  `json:"entries"`
	Root       string `json:"root,omitempty"`
	Verifier   string `json:"verifier"`
	Checkpoint string `json:"checkpoint,omitempty"`

	// FirstSegment and LastSegment are the numbers of the segments of a gateway's log.
	FirstSegment int64 `json:"first_part,omitempty"`
	LastSegment  int64 `json:"last_part,omitempty"`

	Faults   []string `json:"faults"`
	Warnings []string `json:"warnings"`
}

// CheckpointIn returns the checkpoint in data, which is a checkpoint or a [Verification]
// in JSON that has one.
func CheckpointIn(data []byte) []byte {
	var v Verification
	if json.Unmarshal(data, &v) == nil && v.Checkpoint != "" {
		return []byte(v.Checkpoint)
	}
	return data
}

// Verify says with what an audit log is verified.
type Verify struct {
	// Verifier is the public key of the log. If it is empty, the key file is
	// read instead.
	Verifier string

	// Checkpoints are checkpoints that were kept elsewhere. The log must contain
	// all of them.
	Checkpoints []audit.Kept
}

// KeyError reports that an audit log cannot be verified because its key file is
// missing or cannot be used. [Verify.Verifier] makes the key file unnecessary.
type KeyError struct {
	Path    string // of the key file
	Missing bool   // false: the file exists and cannot be used
	HasLog  bool   // whether there is a log
	err     error
}

// Error returns what is missing and what to restore.
func (e *KeyError) Error() string {
	switch {
	case !e.Missing:
		return fmt.Sprintf("%v; restore the key that the log was begun with", e.err)
	case e.HasLog:
		return fmt.Sprintf("%v. The log exists: restore the key from a backup before the next change", e.err)
	default:
		return fmt.Sprintf("%v. There is no audit log either: it begins with the first change of the registry. If there was one, restore it and the key, %s, from a backup", e.err, e.Path)
	}
}

func (e *KeyError) Unwrap() error { return e.err }

// VerifyAudit checks that no entry of the audit log was edited, removed, moved
// or cut off, and warns if the registry is not what the last entry says. A log
// with faults is a result, not an error.
func (r *Registry) VerifyAudit(ctx context.Context, set Verify) (*Verification, error) {
	v := &Verification{Verifier: set.Verifier, Faults: []string{}, Warnings: []string{}}
	var lastAfter string
	err := r.log(ctx, func(log audit.Storage, keys audit.Keys) (err error) {
		lastAfter, err = v.verify(ctx, log, keys, set.Checkpoints)
		return err
	})
	if err != nil {
		return nil, err
	}
	if v.Valid {
		v.compare(ctx, r, lastAfter)
	}
	return v, nil
}

// verify fills v and returns the digest of the registry after the last entry.
func (v *Verification) verify(ctx context.Context, log audit.Storage, keys audit.Keys, checkpoints []audit.Kept) (lastAfter string, err error) {
	if v.Verifier == "" {
		key, err := audit.ReadKey(keys.Path)
		if errors.Is(err, audit.ErrNoKey) {
			return "", missingKey(ctx, log, keys.Path, err)
		}
		if err != nil {
			return "", &KeyError{Path: keys.Path, HasLog: true, err: err}
		}
		v.Verifier = key.Public()
	}
	result, err := audit.Verify(ctx, log, audit.Anchors{Public: v.Verifier, LastKnown: keys.LastKnown(), Kept: checkpoints}, nil)
	if err != nil {
		return "", err
	}
	v.Faults = append(v.Faults, result.Faults...)
	v.Valid, v.Entries, v.Root, v.Checkpoint = len(v.Faults) == 0, result.Size, result.Root, result.Checkpoint
	if dir, ok := log.(*audit.Dir); ok {
		pending, err := dir.Pending()
		if err != nil {
			return "", err
		}
		if pending {
			v.Warnings = append(v.Warnings, "a change was interrupted; the next change completes its entry")
		}
	}
	return result.LastAfter, nil
}

// compare warns if the registry is not what the last entry says.
func (v *Verification) compare(ctx context.Context, r *Registry, lastAfter string) {
	doc, err := r.Read(ctx)
	switch {
	case err != nil:
		v.Warnings = append(v.Warnings, fmt.Sprintf("the registry cannot be compared with the last entry: %v", err))
	case audit.Hash(doc.Bytes()) != lastAfter:
		v.Warnings = append(v.Warnings, "the registry is not what the last entry says: it was changed by other means than tenantctl")
	}
}

func missingKey(ctx context.Context, log audit.Storage, path string, cause error) error {
	checkpoint, err := log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	hashes, err := log.AllHashes(ctx)
	if err != nil {
		return err
	}
	return &KeyError{Path: path, Missing: true, HasLog: checkpoint != nil || len(hashes) > 0, err: cause}
}

// log calls f with the audit log and the keys of the registry.
func (r *Registry) log(ctx context.Context, f func(audit.Storage, audit.Keys) error) error {
	key, err := r.AuditKey()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return r.store.log(ctx, func(log audit.Storage, registry string) error {
		return f(log, audit.Keys{Path: key, Registry: registry})
	})
}
