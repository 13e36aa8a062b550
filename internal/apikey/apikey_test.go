// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package apikey_test

import (
	"crypto/sha256"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// fixed was made once; the form of keys must never change under their bearers.
const fixed = "obs_kabcd234_0123456789ABCDEFGHIJKLMNOPQRSTUV0IwPIR"

func TestNew_MakesKeysThatMatchThePattern(t *testing.T) {
	pattern := regexp.MustCompile("^" + apikey.Pattern + "$")
	seen := make(map[string]bool)
	for range 1000 {
		key, id := apikey.New()
		require.Regexp(t, pattern, key)
		got, err := apikey.ID(key)
		require.NoError(t, err)
		require.Equal(t, id, got)
		require.False(t, seen[key])
		seen[key] = true
	}
}

func TestID_FindsEverySingleCharacterError(t *testing.T) {
	key, _ := apikey.New()
	for i := range key {
		for _, c := range "aZ09_-\x00" {
			if rune(key[i]) == c {
				continue
			}
			_, err := apikey.ID(key[:i] + string(c) + key[i+1:])
			require.ErrorIs(t, err, apikey.ErrMalformed, "byte %d", i)
		}
	}
	for _, s := range []string{"", "obs_", key[:len(key)-1], key + "A", strings.ToUpper(key), " " + key} {
		_, err := apikey.ID(s)
		assert.ErrorIs(t, err, apikey.ErrMalformed)
	}
}

func TestID_OfAFixedKey(t *testing.T) {
	id, err := apikey.ID(fixed)
	require.NoError(t, err)
	assert.Equal(t, "kabcd234", id)
}

func TestDigest_IsSHA256OfTheWholeKey(t *testing.T) {
	for _, s := range []string{"", "obs_", fixed, fixed + "x"} {
		assert.Equal(t, tenant.Digest(sha256.Sum256([]byte(s))), apikey.Digest(s))
	}
}

func TestIDAndDigest_OfAKeyDoNotAllocate(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = apikey.ID(fixed)
		_ = apikey.Digest(fixed)
	}))
}

func FuzzID(f *testing.F) {
	f.Add(fixed)
	f.Add("obs_")
	pattern := regexp.MustCompile("^" + apikey.Pattern + "$")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := apikey.ID(s); err == nil && !pattern.MatchString(s) {
			t.Fatalf("ID accepts %q, which the pattern does not", s)
		}
	})
}

func BenchmarkID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = apikey.ID(fixed)
	}
}
