// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package apikey creates and validates the API keys of tenants.
//
// A key has the form obs_<key id>_<secret><checksum>: a public key ID (k and seven
// characters of a-z and 2-7), a secret of 32 characters of [A-Za-z0-9] with 190
// bits of entropy, and a checksum of six characters over everything before it. The
// checksum lets secret scanners and the gateway detect text that is not a key
// without a lookup. Scanners match keys with [Pattern].
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash/crc32"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// Pattern is the regular expression that every key matches.
	Pattern = `obs_k[a-z2-7]{7}_[0-9A-Za-z]{38}`

	// Prefix is the prefix of every key.
	Prefix = "obs_"

	// Length is the length of every key in bytes.
	Length = len(Prefix) + idLen + 1 + secretLen + checksumLen

	idLen       = 8
	secretLen   = 32
	checksumLen = 6

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	base32 = "abcdefghijklmnopqrstuvwxyz234567"
)

// ErrMalformed is returned for text that is not a key. It does not contain the text,
// which may be a secret of another kind.
var ErrMalformed = errors.New("malformed API key")

// New returns a random key and its public ID. The key is stored nowhere: the
// registry stores its [Digest].
func New() (key, id string) {
	id = "k" + random(base32, idLen-1)
	body := Prefix + id + "_" + random(base62, secretLen)
	return body + checksum(body), id
}

// ID returns the public ID of a key, or [ErrMalformed] if its form or its checksum is
// wrong. It does not look the key up. It does not allocate.
func ID(key string) (string, error) {
	if len(key) != Length || !strings.HasPrefix(key, Prefix) || key[len(Prefix)] != 'k' || key[len(Prefix)+idLen] != '_' {
		return "", ErrMalformed
	}
	id := key[len(Prefix) : len(Prefix)+idLen]
	for i := 1; i < idLen; i++ {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return "", ErrMalformed
		}
	}
	body, sum := key[:Length-checksumLen], key[Length-checksumLen:]
	var want [checksumLen]byte
	putChecksum(&want, body)
	if string(want[:]) != sum {
		return "", ErrMalformed
	}
	return id, nil
}

// Digest returns the digest that the registry stores instead of the key. A single
// SHA-256 is sufficient because the secret has 190 random bits. With a slow hash,
// requests with wrong keys would use up the gateway's CPU. Digest does not allocate
// for text of the length of a key.
func Digest(key string) tenant.Digest {
	var buf [Length]byte
	if len(key) > len(buf) {
		return sha256.Sum256([]byte(key))
	}
	return sha256.Sum256(buf[:copy(buf[:], key)])
}

func checksum(body string) string {
	var sum [checksumLen]byte
	putChecksum(&sum, body)
	return string(sum[:])
}

func putChecksum(dst *[checksumLen]byte, body string) {
	n := uint64(crc(body))
	for i := checksumLen - 1; i >= 0; i-- {
		dst[i] = base62[n%62]
		n /= 62
	}
}

// crc is crc32.ChecksumIEEE for strings. The standard function takes a []byte, which
// would escape to the heap.
func crc(s string) uint32 {
	sum := ^uint32(0)
	for i := range len(s) {
		sum = crc32.IEEETable[byte(sum)^s[i]] ^ sum>>8
	}
	return ^sum
}

// random returns n characters of alphabet, all equally likely.
func random(alphabet string, n int) string {
	out := make([]byte, 0, n)
	limit := byte(256 - 256%len(alphabet)) // 0 if 256 is a multiple: every byte is used
	var buf [64]byte
	for {
		_, _ = rand.Read(buf[:]) // never returns an error
		for _, b := range buf {
			if limit != 0 && b >= limit {
				continue // larger bytes would make the first characters more likely
			}
			if out = append(out, alphabet[int(b)%len(alphabet)]); len(out) == n {
				return string(out)
			}
		}
	}
}
