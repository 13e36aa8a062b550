package boltfile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// database returns a file as file_storage makes it: branches, leaves of several
// pages, free pages, no list of them.
func database(tb testing.TB) []byte {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "db")
	fill(tb, path, 300)
	data, err := os.ReadFile(path)
	require.NoError(tb, err)
	return data
}

func fill(tb testing.TB, path string, n int) {
	tb.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, NoSync: true})
	require.NoError(tb, err)
	for i := range n {
		require.NoError(tb, db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(bucketName))
			if err != nil {
				return err
			}
			if i%3 == 0 {
				if err := b.Delete(fmt.Appendf(nil, "p%016x", i/2)); err != nil {
					return err
				}
			}
			return b.Put(fmt.Appendf(nil, "p%016x", i), bytes.Repeat([]byte{byte(i)}, 20+i*i%20000))
		}))
	}
	require.NoError(tb, db.Close())
}

func check(data []byte) (bool, error) { return Check(bytes.NewReader(data), int64(len(data))) }

func TestCheck_FindsNothingWrongWithWhatBoltWrote(t *testing.T) {
	for _, n := range []int{0, 1, 20, 300} {
		path := filepath.Join(t.TempDir(), "db")
		fill(t, path, n)
		state, err := Inspect(path)
		require.NoError(t, err, n)
		assert.Equal(t, Whole, state)
	}
}

func TestCheck_FindsDamage(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"zeros":             func(b []byte) []byte { clear(b); return b },
		"garbage":           func(b []byte) []byte { return []byte(strings.Repeat("garbage\n", len(b)/8)) },
		"cut in the middle": func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
		"one header left":   func(b []byte) []byte { return b[:4096] },
		"100 bytes left":    func(b []byte) []byte { return b[:100] },
		"1 byte left":       func(b []byte) []byte { return b[:1] },
		"pages zeroed":      func(b []byte) []byte { clear(b[2*4096:]); return b },
		"both headers":      func(b []byte) []byte { b[30] ^= 1; b[4096+30] ^= 1; return b },
	} {
		_, err := check(change(database(t)))
		assert.ErrorIs(t, err, ErrDamaged, name)
	}
}

func TestCheck_TellsOfOneHeader(t *testing.T) {
	for _, at := range []int{pageHeaderLen, 4096 + pageHeaderLen + 50} {
		data := database(t)
		data[at] ^= 0x10
		oneHeader, err := check(data)
		require.NoError(t, err)
		assert.True(t, oneHeader)
	}
}

// TestCheck_WhatPassesBoltCanOpen damages a file at random and lets bbolt look
// through what the check finds nothing wrong with.
func TestCheck_WhatPassesBoltCanOpen(t *testing.T) {
	whole := database(t)
	r := rand.New(rand.NewPCG(1, 2))
	passed, found := 0, 0
	for range 400 {
		data := bytes.Clone(whole)
		switch at := r.IntN(len(data)); r.IntN(4) {
		case 0:
			data[at] ^= 1 << r.IntN(8)
		case 1: // headers and elements of pages
			data[at/4096*4096+r.IntN(200)] ^= 1 << r.IntN(8)
		case 2:
			for i := at; i < min(at+512, len(data)); i++ {
				data[i] = byte(r.Uint32())
			}
		case 3:
			copy(data[at/4096*4096:], whole[r.IntN(len(data))/4096*4096:][:4096])
		}
		if _, err := check(data); err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			found++
			continue
		}
		passed++
		requireReadable(t, data)
	}
	assert.Positive(t, passed)
	assert.Positive(t, found)
	t.Logf("%d of 400 found damaged, %d opened", found, passed)
}

// requireReadable opens data as file_storage does and reads all of it.
func requireReadable(tb testing.TB, data []byte) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "db")
	require.NoError(tb, os.WriteFile(path, data, 0o600))
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, NoSync: true})
	require.NoError(tb, err)
	require.NoError(tb, db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(bucketName))
		if err != nil {
			return err
		}
		return b.ForEach(func(k, v []byte) error {
			if v == nil {
				return fmt.Errorf("%q is a bucket", k)
			}
			_ = bytes.Clone(k)
			_ = bytes.Clone(v)
			return nil
		})
	}))
	require.NoError(tb, db.Close())
}

// FuzzCheck makes pages of two headers that are whole and random bytes. bbolt
// itself is the oracle: it must be able to read what the check lets pass.
func FuzzCheck(f *testing.F) {
	path := filepath.Join(f.TempDir(), "db")
	fill(f, path, 4)
	whole, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(0, []byte{1})
	f.Add(2*4096+10, []byte{0xff, 0xff})
	f.Add(3*4096, bytes.Repeat([]byte{7}, 64))
	f.Fuzz(func(t *testing.T, at int, change []byte) {
		data := bytes.Clone(whole)
		for i, c := range change {
			data[(max(at, 0)%len(data)+i)%len(data)] ^= c
		}
		if _, err := check(data); err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		requireReadable(t, data)
	})
}
