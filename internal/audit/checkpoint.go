package audit

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// originPrefix begins the name of every log.
const originPrefix = "otelcol-tenant.audit/"

// checkpoint is what is signed: which log, how many entries, and the hash of
// them all.
type checkpoint struct {
	origin string
	tlog.Tree
}

var (
	errCheckpoint = errors.New("the checkpoint is damaged")
	errSignature  = errors.New("the checkpoint is not signed with the key of this log")
)

func newOrigin() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return originPrefix + hex.EncodeToString(id[:])
}

func (c checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.origin, c.N, base64.StdEncoding.EncodeToString(c.Hash[:]))
}

func (c checkpoint) sign(k *Key) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.text()}, k.signer)
}

// openNote returns the text of a note that the key public has signed. It takes
// no byte but those that signing gives, so that no change goes unnoticed.
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

func openCheckpoint(data []byte, public string) (checkpoint, error) {
	text, err := openNote(data, public)
	if err != nil {
		return checkpoint{}, err
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], originPrefix) {
		return checkpoint{}, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 {
		return checkpoint{}, errCheckpoint
	}
	hash, err := tlog.ParseHash(lines[2])
	if err != nil {
		return checkpoint{}, errCheckpoint
	}
	return checkpoint{lines[0], tlog.Tree{N: size, Hash: hash}}, nil
}

// notContinuedError says why a log does not continue one seen earlier.
type notContinuedError struct{ error }

func notContinued(format string, args ...any) error {
	return notContinuedError{fmt.Errorf(format, args...)}
}

// span names the entries from one up to another, which is not among them.
func span(from, to int64) string {
	if to-from == 1 {
		return fmt.Sprintf("entry %d is", from)
	}
	return fmt.Sprintf("entries %d to %d are", from, to-1)
}

// follows returns an error unless the log of which c is the checkpoint and
// hashes are the hashes once had the checkpoint earlier.
func (c checkpoint) follows(earlier checkpoint, hashes tlog.HashReader) error {
	switch {
	case c.origin != earlier.origin:
		return notContinued("it is another log than the one seen before, %s", earlier.origin)
	case c.N < earlier.N:
		return notContinued("it has %d entries, and had %d when seen before: %s missing", c.N, earlier.N, span(c.N, earlier.N))
	}
	root, err := tlog.TreeHash(earlier.N, hashes)
	if err != nil {
		return err
	}
	if root != earlier.Hash {
		return notContinued("its first %d entries, of now %d, are not those seen before: it was put back to an earlier state and continued, or another log was put in its place", earlier.N, c.N)
	}
	return nil
}
