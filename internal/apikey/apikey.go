// Package apikey makes and checks the bearer keys of tenants.
//
// A key reads obs_<key id>_<secret><checksum>: the public key ID (k and seven
// characters of a-z and 2-7), 32 characters of [A-Za-z0-9] that hold 190 bits
// of secret, and six characters of checksum over all that stands before. The
// checksum lets secret scanners and the gateway tell a key from noise without a
// look-up. The pattern for scanners is [Pattern].
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

	// Prefix begins every key.
	Prefix = "obs_"

	idLen       = 8
	secretLen   = 32
	checksumLen = 6
	keyLen      = len(Prefix) + idLen + 1 + secretLen + checksumLen

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	base32 = "abcdefghijklmnopqrstuvwxyz234567"
)

// ErrMalformed is returned for text that is not a key. It says nothing of the
// text, since that may be a secret of another kind.
var ErrMalformed = errors.New("malformed API key")

// New makes a key from the system's random source and returns it with its
// public ID. The text of the key is not kept anywhere else.
func New() (key, id string) {
	id = "k" + random(base32, idLen-1)
	body := Prefix + id + "_" + random(base62, secretLen)
	return body + checksum(body), id
}

// ID returns the public ID of a well-formed key, or ErrMalformed. It checks the
// form and the checksum in constant memory and does not say that the key is
// known to anybody.
func ID(key string) (string, error) {
	if len(key) != keyLen || !strings.HasPrefix(key, Prefix) || key[len(Prefix)] != 'k' || key[len(Prefix)+idLen] != '_' {
		return "", ErrMalformed
	}
	id := key[len(Prefix) : len(Prefix)+idLen]
	for i := 1; i < idLen; i++ {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return "", ErrMalformed
		}
	}
	body, sum := key[:keyLen-checksumLen], key[keyLen-checksumLen:]
	var want [checksumLen]byte
	putChecksum(&want, body)
	if string(want[:]) != sum {
		return "", ErrMalformed
	}
	return id, nil
}

// Digest returns what the registry keeps of a key. A single SHA-256 is enough
// because the secret has 190 random bits; a slow hash would let strangers burn
// the gateway's CPU.
// For a key it does not allocate.
func Digest(key string) tenant.Digest {
	var buf [keyLen]byte
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

// crc is crc32.ChecksumIEEE of a string. The standard function takes a []byte,
// which it lets escape to the heap.
func crc(s string) uint32 {
	sum := ^uint32(0)
	for i := range len(s) {
		sum = crc32.IEEETable[byte(sum)^s[i]] ^ sum>>8
	}
	return ^sum
}

// random returns n characters of alphabet, each equally likely.
func random(alphabet string, n int) string {
	out := make([]byte, 0, n)
	limit := byte(256 - 256%len(alphabet)) // 0 when 256 is a multiple: every byte is taken
	var buf [64]byte
	for {
		_, _ = rand.Read(buf[:]) // never fails: it ends the program instead
		for _, b := range buf {
			if limit != 0 && b >= limit {
				continue // a byte above would make the first characters likelier
			}
			if out = append(out, alphabet[int(b)%len(alphabet)]); len(out) == n {
				return string(out)
			}
		}
	}
}
