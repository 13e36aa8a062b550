// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"bytes"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
)

func compressed(t *testing.T, payload string) []byte {
	t.Helper()
	g, err := compress.NewGzip(compress.Fastest)
	require.NoError(t, err)
	data, err := g.Compress(t.Context(), []byte(payload))
	require.NoError(t, err)
	return data
}

func TestPack_RoundTrip(t *testing.T) {
	for name, c := range map[string]struct {
		payload string
		form    form
	}{
		"empty":                     {"", plain},
		"small":                     {strings.Repeat("x", minPacked-1), plain},
		"compressible":              {strings.Repeat("order was placed ", 1000), packed},
		"noise stays what it is":    {noise(1, 10_000), plain},
		"hardly smaller is no gain": {noise(2, 10_000) + strings.Repeat("x", 500), plain},
		"what came compressed":      {string(compressed(t, strings.Repeat("order was placed ", 1000))), precompressed},
	} {
		t.Run(name, func(t *testing.T) {
			r := &record{size: compress.Length([]byte(c.payload))}
			value := r.pack([]byte(c.payload))
			assert.Equal(t, c.form, r.form)
			assert.LessOrEqual(t, len(value), len(c.payload))
			assert.Equal(t, c.payload, string(r.unpack(value)))
		})
	}
}

// A queued write takes little more memory than its bytes.
func TestPack_KeepsOnlyTheNeededBytes(t *testing.T) {
	for _, size := range []int{2 << 10, 100 << 10, 4 << 20} {
		r := &record{size: size}
		value := r.pack(bytes.Repeat([]byte("x"), size))
		require.Equal(t, packed, r.form)
		assert.LessOrEqual(t, cap(value), 2*len(value)+64, size)
	}
}

func TestUnpack_ReturnsTheStoredPayload(t *testing.T) {
	payload := []byte(strings.Repeat("order was placed ", 1000))
	r := &record{size: len(payload)}
	value := r.pack(payload)
	require.Equal(t, packed, r.form)
	assert.Nil(t, r.unpack(nil))
	assert.Nil(t, r.unpack(value[:len(value)-1]))
	rotten := append([]byte(nil), value...)
	rotten[len(rotten)/2] ^= 1
	assert.Nil(t, r.unpack(rotten))
	other := &record{size: r.size, form: packed}
	for _, v := range [][]byte{s2.Encode(nil, payload[1:]), []byte("no block"), s2.Encode(nil, nil)} {
		other.sum = crc32.ChecksumIEEE(v)
		assert.Nil(t, other.unpack(v), "the checksum is not all that is looked at")
	}
	for form, v := range map[form][]byte{plain: compressed(t, "x"), precompressed: []byte("x")} {
		r := &record{size: 1, form: form, sum: crc32.ChecksumIEEE(v)}
		assert.Nil(t, r.unpack(v), "neither is a form that is not that of the payload")
	}
	for form, v := range map[form][]byte{plain: []byte("xy"), precompressed: compressed(t, "xy")} {
		r := &record{size: 2, form: form, sum: crc32.ChecksumIEEE(v)}
		assert.Equal(t, v, r.unpack(v))
		r.size++
		assert.Nil(t, r.unpack(v), "nor a length that is not that of the payload")
	}
}
