package boltfile

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// BenchmarkInspect looks at a full queue file: what a start costs more. Opening it
// is what it costs anyway.
func BenchmarkInspect(b *testing.B) {
	for _, c := range []struct{ values, size int }{{100_000, 1_000}, {1_000, 100_000}} {
		path := filepath.Join(b.TempDir(), "db")
		options := &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, NoSync: true}
		db, err := bbolt.Open(path, 0o600, options)
		require.NoError(b, err)
		require.NoError(b, db.Update(func(tx *bbolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte(bucketName))
			for i := 0; i < c.values && err == nil; i++ {
				err = bucket.Put(fmt.Appendf(nil, "p%016x", i), make([]byte, c.size))
			}
			return err
		}))
		require.NoError(b, db.Close())
		info, err := os.Stat(path)
		require.NoError(b, err)
		name := fmt.Sprintf("%dx%d", c.values, c.size)
		b.Run("inspect/"+name, func(b *testing.B) {
			b.SetBytes(info.Size())
			b.ReportAllocs()
			for b.Loop() {
				state, err := Inspect(path)
				require.NoError(b, err)
				require.Equal(b, Whole, state)
			}
		})
		b.Run("open/"+name, func(b *testing.B) {
			b.SetBytes(info.Size())
			for b.Loop() {
				db, err := bbolt.Open(path, 0o600, options)
				require.NoError(b, err)
				require.NoError(b, db.Close())
			}
		})
	}
}
