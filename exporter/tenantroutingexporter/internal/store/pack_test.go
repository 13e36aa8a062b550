package store

import (
	"hash/crc32"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPack_RoundTrip(t *testing.T) {
	for name, c := range map[string]struct {
		payload string
		packed  bool
	}{
		"empty":                     {"", false},
		"small":                     {strings.Repeat("x", minPacked-1), false},
		"compressible":              {strings.Repeat("order was placed ", 1000), true},
		"noise stays what it is":    {noise(1, 10_000), false},
		"hardly smaller is no gain": {noise(2, 10_000) + strings.Repeat("x", 500), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &record{size: len(c.payload)}
			value := r.pack([]byte(c.payload))
			assert.Equal(t, c.packed, r.packed)
			assert.LessOrEqual(t, len(value), len(c.payload))
			assert.Equal(t, c.payload, string(r.unpack(value)))
		})
	}
}

func TestUnpack_ReturnsNothingButWhatWasStored(t *testing.T) {
	payload := []byte(strings.Repeat("order was placed ", 1000))
	r := &record{size: len(payload)}
	value := r.pack(payload)
	require.True(t, r.packed)
	assert.Nil(t, r.unpack(nil))
	assert.Nil(t, r.unpack(value[:len(value)-1]))
	rotten := append([]byte(nil), value...)
	rotten[len(rotten)/2] ^= 1
	assert.Nil(t, r.unpack(rotten))
	other := &record{size: r.size, packed: true}
	for _, v := range [][]byte{s2.Encode(nil, payload[1:]), []byte("no block"), s2.Encode(nil, nil)} {
		other.sum = crc32.ChecksumIEEE(v)
		assert.Nil(t, other.unpack(v), "the checksum is not all that is looked at")
	}
}
