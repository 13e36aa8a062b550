// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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

// keyName is the key name in all signatures.
const keyName = "otelcol-tenant-audit"

// ErrNoKey is returned if the key file does not exist.
var ErrNoKey = errors.New("the key of the audit log is missing")

// Key signs the checkpoints of a log.
type Key struct {
	signer note.Signer
	public string
}

// Public returns the public key, with which the signatures of k are verified.
func (k *Key) Public() string { return k.public }

// ReadKey reads a key file. It fails if users other than the owner have access
// to the file.
func ReadKey(path string) (*Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: file %s does not exist; every change of a registry needs the key that its log was started with", ErrNoKey, path)
	}
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("other users can read the key of the audit log, %s has mode %o: run chmod 600 on it", path, mode)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseKey(path, strings.TrimSpace(string(data)))
}

// CreateKey creates a key file that only its owner can read. It returns
// fs.ErrExist if the file exists. A crash leaves either the complete file or no
// file.
func CreateKey(path string) (*Key, error) {
	secret, _, err := note.GenerateKey(rand.Reader, keyName)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Create(path, []byte(secret+"\n")); err != nil {
		return nil, fmt.Errorf("creating the key of the audit log: %w", err)
	}
	return parseKey(path, secret)
}

// parseKey parses the content of the key file at path. Its errors do not contain
// the key.
func parseKey(path, secret string) (*Key, error) {
	signer, err := note.NewSigner(secret)
	if err != nil || signer.Name() != keyName {
		return nil, fmt.Errorf("%s is not the key of an audit log", path)
	}
	fields := strings.SplitN(secret, "+", 5) // PRIVATE+KEY+name+hash+base64; the base64 text may contain "+"
	seed, err := base64.StdEncoding.DecodeString(fields[len(fields)-1])
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

// CheckPublic returns an error unless public is the public key of a log.
func CheckPublic(public string) error {
	if _, err := note.NewVerifier(public); err != nil {
		return fmt.Errorf("not a public key of an audit log: %w", err)
	}
	return nil
}
