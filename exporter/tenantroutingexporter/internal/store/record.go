// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// A payload with sequence number n of its shard has two keys: its bytes under "p<n>", and its record under
// "r<n>". A delivery to one of several destinations rewrites the short record only.
const (
	payloadPrefix = 'p'
	recordPrefix  = 'r'
	keyLen        = 1 + 16
)

// form is how a payload is stored. It is also the version of its record: a program ignores forms that it does
// not know.
type form byte

const (
	plain         form = 1 // as encoded
	packed        form = 2 // compressed by the store
	precompressed form = 3 // compressed when it was accepted
)

var errRecord = errors.New("malformed queue record")

// record describes a stored payload. It contains no header, credential or endpoint: these are looked up
// after a restart.
type record struct {
	tenant       tenant.ID
	destinations []string // that still need it
	records      int
	size         int
	accepted     int64  // Unix time in nanoseconds
	sum          uint32 // checksum of the payload as it is stored: damaged data must not reach a backend
	form         form
	signal       tenant.Signal
}

// cost is how much of the disk the payload uses, approximately.
func (r *record) cost() int64 { return int64(r.size) + EntryDisk }

func key(prefix byte, seq uint64) string {
	return fmt.Sprintf("%c%016x", prefix, seq)
}

func parseKey(k string) (prefix byte, seq uint64, ok bool) {
	if len(k) != keyLen {
		return 0, 0, false
	}
	seq, err := strconv.ParseUint(k[1:], 16, 64)
	return k[0], seq, err == nil
}

// encode returns the encoded record with a checksum at its end.
func (r *record) encode() []byte {
	b := make([]byte, 0, 64+len(r.tenant))
	b = append(b, byte(r.form), byte(r.signal))
	b = binary.AppendUvarint(b, uint64(r.records))
	b = binary.AppendUvarint(b, uint64(r.size))
	b = binary.LittleEndian.AppendUint32(b, r.sum)
	b = binary.AppendVarint(b, r.accepted)
	b = appendString(b, string(r.tenant))
	b = binary.AppendUvarint(b, uint64(len(r.destinations)))
	for _, d := range r.destinations {
		b = appendString(b, d)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func decodeRecord(b []byte) (*record, error) {
	if len(b) < 6 {
		return nil, errRecord
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return nil, errRecord
	}
	if f := form(body[0]); f < plain || f > precompressed {
		return nil, fmt.Errorf("%w: unknown version %d", errRecord, f)
	}
	r := &record{signal: tenant.Signal(body[1]), form: form(body[0])}
	d := decoder{buf: body[2:]}
	r.records = int(d.uvarint())
	r.size = int(d.uvarint())
	r.sum = d.uint32()
	r.accepted = d.varint()
	r.tenant = tenant.ID(d.string())
	n := d.uvarint()
	if n > uint64(len(body)) {
		return nil, errRecord
	}
	for range n {
		r.destinations = append(r.destinations, d.string())
	}
	if d.failed || len(d.buf) > 0 || r.records < 0 || r.size < 0 || r.tenant.Validate() != nil || int(r.signal) >= len(tenant.AllSignals()) {
		return nil, errRecord
	}
	return r, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

type decoder struct {
	buf    []byte
	failed bool
}

func (d *decoder) advance(n int) bool {
	if n <= 0 || n > len(d.buf) {
		d.failed, d.buf = true, nil
		return false
	}
	d.buf = d.buf[n:]
	return true
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.buf)
	if !d.advance(n) {
		return 0
	}
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.buf)
	if !d.advance(n) {
		return 0
	}
	return v
}

func (d *decoder) uint32() uint32 {
	if len(d.buf) < 4 {
		d.failed = true
		return 0
	}
	v := binary.LittleEndian.Uint32(d.buf)
	d.buf = d.buf[4:]
	return v
}

func (d *decoder) string() string {
	n := d.uvarint()
	if d.failed || n > uint64(len(d.buf)) {
		d.failed = true
		return ""
	}
	s := string(d.buf[:n])
	d.buf = d.buf[n:]
	return s
}
