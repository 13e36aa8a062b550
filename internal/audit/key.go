package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
)

// keyName is the name of every key in signatures.
const keyName = "otelcol-tenant-audit"

// ErrNoKey is returned if there is no key file, or one of another log.
var ErrNoKey = errors.New("the key of the audit log is missing")

// Key signs the checkpoints of a log.
type Key struct {
	signer note.Signer
	public string
}

// Public returns the text by which checkpoints that the key signed are verified.
func (k *Key) Public() string { return k.public }

// ReadKey reads a key file. Nobody but its owner may be able to read it.
func ReadKey(path string) (*Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no file %s; all who change a registry need the key that its log was begun with", ErrNoKey, path)
	}
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("others may read the key of the audit log, %s has mode %o: chmod 600 it", path, mode)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseKey(path, strings.TrimSpace(string(data)))
}

// CreateKey makes a key file that only its owner may read. It fails if there is
// a file already. A crash leaves the whole file or none.
func CreateKey(path string) (*Key, error) {
	secret, _, err := note.GenerateKey(rand.Reader, keyName)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Create(path, []byte(secret+"\n")); err != nil {
		return nil, fmt.Errorf("making the key of the audit log: %w", err)
	}
	return parseKey(path, secret)
}

// parseKey never returns an error that holds the key.
func parseKey(path, secret string) (*Key, error) {
	signer, err := note.NewSigner(secret)
	if err != nil || signer.Name() != keyName {
		return nil, fmt.Errorf("%s is not the key of an audit log", path)
	}
	parts := strings.SplitN(secret, "+", 5) // PRIVATE+KEY+name+hash+base64, and base64 may hold a + too
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, fmt.Errorf("%s is not the key of an audit log", path)
	}
	public, ok := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s is not the key of an audit log", path)
	}
	text, err := note.NewEd25519VerifierKey(keyName, public)
	return &Key{signer, text}, err
}
