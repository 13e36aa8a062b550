// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// OriginPrefix is the prefix of the origin of every log.
const OriginPrefix = "otelcol-tenant.audit/"

// Checkpoint identifies a state of a log: its origin, the number of its entries
// and their root hash. Its signed form is a note.
type Checkpoint struct {
	Origin string
	tlog.Tree
}

var (
	errCheckpoint = errors.New("the checkpoint is damaged")
	errSignature  = errors.New("the checkpoint is not signed with the key of this log")
)

// NewOrigin returns a random origin for a new log.
func NewOrigin() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return OriginPrefix + hex.EncodeToString(id[:])
}

func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.N, base64.StdEncoding.EncodeToString(c.Hash[:]))
}

func (c Checkpoint) sign(k *Key) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.text()}, k.signer)
}

// openNote returns the text of a note after verifying its signature with a public
// key. It accepts only the exact bytes that signing produces, so that every
// modification is detected.
func openNote(data []byte, public string) (string, error) {
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return "", fmt.Errorf("not a public key of an audit log: %w", err)
	}
	n, err := note.Open(data, note.VerifierList(verifier))
	var unsigned *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unsigned) || errors.As(err, &invalid):
		return "", errSignature
	case err != nil || len(n.Sigs) != 1:
		return "", errCheckpoint
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64)
	if err != nil || string(data) != n.Text+"\n\u2014 "+n.Sigs[0].Name+" "+base64.StdEncoding.EncodeToString(raw)+"\n" {
		return "", errCheckpoint
	}
	return n.Text, nil
}

// OpenCheckpoint verifies the signature of a checkpoint with a public key and
// returns the checkpoint.
func OpenCheckpoint(data []byte, public string) (Checkpoint, error) {
	text, err := openNote(data, public)
	if err != nil {
		return Checkpoint{}, err
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], OriginPrefix) {
		return Checkpoint{}, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 {
		return Checkpoint{}, errCheckpoint
	}
	hash, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, errCheckpoint
	}
	return Checkpoint{lines[0], tlog.Tree{N: size, Hash: hash}}, nil
}

// ReadLastKnown returns the last known checkpoint from the file at path. It
// returns false if the file does not exist.
func ReadLastKnown(path, public string) (c Checkpoint, ok bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err != nil {
		return c, false, err
	}
	if c, err = OpenCheckpoint(data, public); err != nil {
		return c, false, fmt.Errorf("%s: %w", path, err)
	}
	return c, true, nil
}

// notContinuedError says why a log does not continue an earlier state.
type notContinuedError struct{ error }

func notContinued(format string, args ...any) error {
	return notContinuedError{fmt.Errorf(format, args...)}
}

// span returns the subject and verb for the entries in [from, to).
func span(from, to int64) string {
	if to-from == 1 {
		return fmt.Sprintf("entry %d is", from)
	}
	return fmt.Sprintf("entries %d to %d are", from, to-1)
}

// Follows returns an error unless the log with the checkpoint c and the stored
// hashes once had the checkpoint earlier.
func (c Checkpoint) Follows(earlier Checkpoint, hashes tlog.HashReader) error {
	switch {
	case c.Origin != earlier.Origin:
		return notContinued("the log is not the one of the earlier checkpoint, %s", earlier.Origin)
	case c.N < earlier.N:
		return notContinued("the log has %d entries, but an earlier checkpoint covers %d: %s missing", c.N, earlier.N, span(c.N, earlier.N))
	}
	root, err := tlog.TreeHash(earlier.N, hashes)
	if err != nil {
		return err
	}
	if root != earlier.Hash {
		return notContinued("the first %d of %d entries are not those of an earlier checkpoint: the log was restored to an earlier state and continued, or replaced with another log", earlier.N, c.N)
	}
	return nil
}
