// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bytesize

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSize_RoundTrip(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "1048576": MiB, "1MiB": MiB, "1 MiB": MiB, "1mib": MiB, "1MB": 1000 * 1000, "20GiB": 20 * GiB, "1.5KiB": 1536,
	} {
		var got Size
		require.NoError(t, got.UnmarshalText([]byte(text)), text)
		assert.Equal(t, want, got, text)
		var again Size
		require.NoError(t, again.UnmarshalText([]byte(got.String())))
		assert.Equal(t, got, again)
	}
	assert.Equal(t, "64MiB", (64 * MiB).String())
}

func TestSize_RejectsOtherText(t *testing.T) {
	for _, text := range []string{"", "MiB", "-1", "ten", "1XB", "99999999999GiB"} {
		var got Size
		assert.Error(t, got.UnmarshalText([]byte(text)), text)
	}
}

func TestSize_Rounded(t *testing.T) {
	for size, want := range map[Size]string{0: "0 B", 1023: "1023 B", KiB: "1.0 KiB", 1468006: "1.4 MiB", 3 * GiB: "3.0 GiB", 5 << 40: "5.0 TiB"} {
		assert.Equal(t, want, size.Rounded())
	}
}
