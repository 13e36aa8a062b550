// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package boltfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// FuzzCheck_BboltReadsAcceptedFiles changes bytes of a file. bbolt is the oracle: it
// must be able to read all that the check lets pass, and ends the process if not.
func FuzzCheck_BboltReadsAcceptedFiles(f *testing.F) {
	whole := write(f, filepath.Join(f.TempDir(), "file"), false, 3, func(b *bbolt.Bucket, i int) error {
		return errors.Join(b.Put(fmt.Append(nil, i), bytes.Repeat([]byte{1}, 900)), b.Put(fmt.Append(nil, i+9), []byte("v")))
	})
	f.Add(0, []byte{1})
	f.Add(2*os.Getpagesize()+10, []byte{0xff, 0xff})
	f.Add(3*os.Getpagesize(), bytes.Repeat([]byte{7}, 64))
	f.Fuzz(func(t *testing.T, at int, change []byte) {
		data := bytes.Clone(whole)
		for i, c := range change {
			data[(max(at, 0)%len(data)+i)%len(data)] ^= c
		}
		if _, err := Check(bytes.NewReader(data), int64(len(data))); err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, NoSync: true})
		require.NoError(t, err)
		require.NoError(t, db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("default"))
			if b == nil {
				return nil
			}
			return b.ForEach(func(k, v []byte) error {
				_, _ = bytes.Clone(k), bytes.Clone(v)
				return nil
			})
		}))
		require.NoError(t, db.Close())
	})
}
