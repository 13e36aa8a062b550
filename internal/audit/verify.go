// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxFaults limits the faults of a report. One more says that there are others.
const MaxFaults = 20

// Anchors is what [Verify] compares a log with.
type Anchors struct {
	Public    string // the public key of the log
	LastKnown string // path of the last known checkpoint; the file need not exist
	Kept      []Kept // checkpoints stored elsewhere
}

// Kept is a checkpoint that an operator stored elsewhere.
type Kept struct {
	Name string // for errors
	Data []byte
}

// Open verifies the signature of the checkpoint and returns the checkpoint.
func (k Kept) Open(public string) (Checkpoint, error) {
	c, err := OpenCheckpoint(k.Data, public)
	if err != nil {
		return c, fmt.Errorf("%s: %w", k.Name, err)
	}
	return c, nil
}

// Part is one of the parts in which a [Storage] stores a log.
type Part string

// The parts of a log.
const (
	PartEntries    Part = "entries"
	PartHashes     Part = "stored hashes"
	PartCheckpoint Part = "checkpoint"
)

// Locator is a Storage whose parts have locations that an operator can open.
type Locator interface {
	// Location returns the path of a part.
	Location(part Part) string
}

// Faults describe what is wrong with a log, at most [MaxFaults] of them.
type Faults []string

// Addf adds a fault.
func (f *Faults) Addf(format string, args ...any) {
	switch {
	case len(*f) < MaxFaults:
		*f = append(*f, fmt.Sprintf(format, args...))
	case len(*f) == MaxFaults:
		*f = append(*f, "and more")
	}
}

// Report is the result of [Verify].
type Report struct {
	Origin     string
	Size       int64
	Root       string
	Checkpoint string
	LastAfter  string // SHA-256 of the registry according to the last entry
	Faults     Faults // empty: the log is intact
}

// Verify reads every byte of a log and reports every difference from what was
// written. It calls each, if not nil, for every entry that it can decode.
func Verify(ctx context.Context, s Storage, anchors Anchors, each func(*Entry)) (*Report, error) {
	if err := CheckPublic(anchors.Public); err != nil {
		return nil, err
	}
	data, err := s.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	stored, err := s.AllHashes(ctx)
	if err != nil {
		return nil, err
	}
	v := &verifier{Report: &Report{}, stored: stored, truncated: -1, each: each}
	if err := s.Entries(ctx, v.addEntry); err != nil {
		return nil, err
	}
	if data == nil && v.size == 0 && len(stored) == 0 {
		return v.Report, v.reportMissingLog(anchors)
	}
	v.reportMissingParts(s, data != nil)
	if data == nil {
		return v.Report, nil
	}
	c, err := OpenCheckpoint(data, anchors.Public)
	if err != nil {
		v.Faults.Addf("%v", err)
		return v.Report, nil
	}
	v.Origin, v.Size, v.Root, v.Checkpoint = c.Origin, c.N, c.Hash.String(), string(data)
	return v.Report, v.compareCheckpoint(c, anchors)
}

// verifier is the state of one verification.
type verifier struct {
	*Report
	stored    []tlog.Hash  // the hashes in the storage
	hashes    hashList     // the hashes of the entries in the storage
	size      int64        // number of entries in the storage
	missing   int64        // number of missing entries so far
	truncated int64        // the entry without a line break; negative: none
	each      func(*Entry) // may be nil
}

// addEntry compares the text of the next entry with its stored hash.
func (v *verifier) addEntry(text []byte) error {
	added, err := tlog.StoredHashes(v.size, text, v.hashes)
	if err != nil {
		return err
	}
	v.hashes = append(v.hashes, added...)
	n := v.size + v.missing
	if bytes.HasSuffix(text, noLineBreak) {
		v.truncated = n
	}
	e := v.decode(n, text)
	if e != nil && e.Seq > n && e.Seq < int64(len(v.stored)) && v.isStoredHash(e.Seq, added[0]) {
		v.Faults.Addf("%s missing, before the entry of %s", span(n, e.Seq), e.Time.Format(time.RFC3339))
		v.missing = e.Seq - v.size
		n = e.Seq
	}
	if !v.isStoredHash(n, added[0]) && tlog.StoredHashIndex(0, n) < int64(len(v.stored)) {
		v.Faults.Addf("entry %d is not what was written", n)
	}
	if e != nil && e.Seq != n {
		v.Faults.Addf("entry %d has the number %d", n, e.Seq)
	}
	v.size++
	return nil
}

// decode decodes entry n. It returns nil if the entry cannot be decoded.
func (v *verifier) decode(n int64, text []byte) *Entry {
	var e Entry
	if err := json.Unmarshal(text, &e); err != nil {
		v.Faults.Addf("entry %d cannot be decoded", n)
		return nil
	}
	v.LastAfter = e.After
	if v.each != nil {
		v.each(&e)
	}
	return &e
}

// isStoredHash reports whether hash is the stored hash of entry n.
func (v *verifier) isStoredHash(n int64, hash tlog.Hash) bool {
	i := tlog.StoredHashIndex(0, n)
	return i < int64(len(v.stored)) && v.stored[i] == hash
}

// reportMissingParts reports the missing parts of a log and what to do. These
// faults precede those of the entries, which follow from them.
func (v *verifier) reportMissingParts(s Storage, hasCheckpoint bool) {
	later := v.Faults
	v.Faults = nil
	location := func(part Part) string {
		if l, ok := s.(Locator); ok {
			return ", " + l.Location(part)
		}
		return ""
	}
	const remedy = "restore the log from a backup"
	if v.size == 0 {
		v.Faults.Addf("the %s are missing%s: %s", PartEntries, location(PartEntries), remedy)
	}
	if len(v.stored) == 0 {
		v.Faults.Addf("the %s are missing%s: %s", PartHashes, location(PartHashes), remedy)
	}
	if !hasCheckpoint {
		v.Faults.Addf("the %s is missing%s: without it, the %d entries cannot be verified; %s", PartCheckpoint, location(PartCheckpoint), v.size, remedy)
	}
	if v.truncated >= 0 {
		v.Faults.Addf("entry %d is truncated%s: %s", v.truncated, location(PartEntries), remedy)
	}
	if v.size > 0 && len(v.stored) > 0 {
		v.compareHashes()
	}
	for _, text := range later {
		v.Faults.Addf("%s", text)
	}
}

func (v *verifier) compareHashes() {
	if len(v.stored) != len(v.hashes) {
		v.Faults.Addf("there are %d stored hashes, but the %d entries have %d", len(v.stored), v.size, len(v.hashes))
		return
	}
	for n := range v.hashes {
		if v.stored[n] != v.hashes[n] {
			v.Faults.Addf("the stored hashes are not those of the entries")
			return
		}
	}
}

// reportMissingLog reports that a known log does not exist.
func (v *verifier) reportMissingLog(anchors Anchors) error {
	if anchors.LastKnown != "" {
		earlier, ok, err := ReadLastKnown(anchors.LastKnown, anchors.Public)
		switch {
		case err != nil:
			return err
		case ok:
			v.Faults.Addf("the log is missing; its last known checkpoint covers %d entries: %s missing", earlier.N, span(0, earlier.N))
		}
	}
	if len(anchors.Kept) > 0 {
		v.Faults.Addf("the log is missing, but a checkpoint of it exists")
	}
	return nil
}

// compareCheckpoint compares the entries with the checkpoint of the log and with
// earlier checkpoints.
func (v *verifier) compareCheckpoint(c Checkpoint, anchors Anchors) error {
	switch {
	case v.size+v.missing < c.N:
		v.Faults.Addf("there are %d entries, but the checkpoint covers %d: %s missing", v.size, c.N, span(v.size+v.missing, c.N))
	case v.size > c.N:
		v.Faults.Addf("there are %d entries, but the checkpoint covers %d: %s not signed", v.size, c.N, span(c.N, v.size))
	}
	if v.size < c.N {
		return nil
	}
	root, err := tlog.TreeHash(c.N, v.hashes)
	if err != nil {
		return err
	}
	if root != c.Hash {
		v.Faults.Addf("the entries are not those of the checkpoint")
	}
	if anchors.LastKnown != "" {
		earlier, ok, err := ReadLastKnown(anchors.LastKnown, anchors.Public)
		if err != nil {
			v.Faults.Addf("%v", err)
		} else if ok {
			v.compareEarlier(c, earlier)
		}
	}
	for _, kept := range anchors.Kept {
		earlier, err := kept.Open(anchors.Public)
		if err != nil {
			return err
		}
		v.compareEarlier(c, earlier)
	}
	return nil
}

func (v *verifier) compareEarlier(c, earlier Checkpoint) {
	if err := c.Follows(earlier, v.hashes); err != nil {
		v.Faults.Addf("%v", err)
	}
}

// hashList is hashes in the order of their indexes.
type hashList []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (l hashList) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for n, i := range indexes {
		if i < 0 || i >= int64(len(l)) {
			return nil, errNoHash
		}
		out[n] = l[i]
	}
	return out, nil
}
