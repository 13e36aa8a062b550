// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/audit/segmented"
)

// FailureLog is the audit log of requests without a valid key that a gateway
// writes to a folder. The gateway may be running.
type FailureLog struct {
	// Folder is the folder of the log.
	Folder string

	// Key is the path of the key of the log. The default is Folder with ".key"
	// appended.
	Key string
}

// FailureEntry is an entry with the number of its segment of the log.
type FailureEntry struct {
	SegmentNumber int64 `json:"part"`
	*audit.Entry
}

// Entries returns all entries, oldest first. They are not verified.
func (l FailureLog) Entries(ctx context.Context) ([]FailureEntry, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	entries := []FailureEntry{}
	err := segmented.Entries(ctx, l.Folder, func(segment int64, e *audit.Entry) error {
		entries = append(entries, FailureEntry{segment, e})
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no audit log of a gateway: %w", err)
	}
	return entries, err
}

// Verify checks that no entry was edited, removed, moved or cut off.
func (l FailureLog) Verify(ctx context.Context, set Verify) (*Verification, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	key := l.Key
	if key == "" {
		key = segmented.DefaultKeyFile(l.Folder)
	}
	v := &Verification{Verifier: set.Verifier, Faults: []string{}, Warnings: []string{}}
	if v.Verifier == "" {
		k, err := audit.ReadKey(key)
		if errors.Is(err, audit.ErrNoKey) {
			if _, missing := os.Stat(l.Folder); missing != nil {
				return nil, fmt.Errorf("there is no audit log of a gateway: %w", missing)
			}
			return nil, fmt.Errorf("%w: there is no file %s", audit.ErrNoKey, key)
		}
		if err != nil {
			return nil, err
		}
		v.Verifier = k.Public()
	}
	result, err := segmented.Verify(ctx, l.Folder, audit.Anchors{Public: v.Verifier, LastKnown: segmented.LastKnown(key), Kept: set.Checkpoints})
	if err != nil {
		return nil, err
	}
	v.Faults, v.Warnings = append(v.Faults, result.Faults...), append(v.Warnings, result.Warnings...)
	if result.Last == 0 && len(v.Faults) == 0 {
		v.Warnings = append(v.Warnings, "there is no entry in "+l.Folder)
	}
	v.Valid, v.Entries, v.Root, v.Checkpoint = len(v.Faults) == 0, result.Entries, result.Root, result.Checkpoint
	v.FirstSegment, v.LastSegment = result.First, result.Last
	return v, nil
}

// check returns an [*InputError] if the folder has something else.
func (l FailureLog) check() error {
	if err := segmented.Check(l.Folder); err != nil {
		return &InputError{Field: "log", Err: err}
	}
	return nil
}
