// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package boltfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// write makes a file as file_storage does and lets use do what it likes with the
// bucket, in several transactions.
func write(t testing.TB, path string, listFree bool, transactions int, use func(*bbolt.Bucket, int) error) []byte {
	t.Helper()
	return writeWith(t, path, bbolt.Options{NoFreelistSync: !listFree}, transactions, use)
}

func writeWith(t testing.TB, path string, options bbolt.Options, transactions int, use func(*bbolt.Bucket, int) error) []byte {
	t.Helper()
	options.NoSync, options.NoGrowSync, options.FreelistType = true, true, bbolt.FreelistMapType
	db, err := bbolt.Open(path, 0o600, &options)
	require.NoError(t, err)
	for i := range transactions {
		require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("default"))
			if err != nil {
				return err
			}
			return use(b, i)
		}))
	}
	require.NoError(t, db.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// queue is how a persistent queue uses its bucket: items come, the oldest go.
func queue(r *rand.Rand, items, size int) func(*bbolt.Bucket, int) error {
	next, oldest := 0, 0
	return func(b *bbolt.Bucket, _ int) error {
		for range r.IntN(items) {
			if err := b.Put(fmt.Appendf(nil, "%d", next), bytes.Repeat([]byte{byte(next)}, r.IntN(size))); err != nil {
				return err
			}
			next++
		}
		for ; oldest < next-r.IntN(items*4); oldest++ {
			if err := b.Delete(fmt.Appendf(nil, "%d", oldest)); err != nil {
				return err
			}
		}
		return b.Put([]byte("di"), fmt.Append(nil, next))
	}
}

// check looks at a file whose heads are both whole, or it is damaged.
func check(data []byte) error {
	oneHead, err := Check(bytes.NewReader(data), int64(len(data)))
	if oneHead && err == nil {
		return errOneHead
	}
	return err
}

var errOneHead = errors.New("one head is damaged")

func TestCheck_AcceptsFilesOfBbolt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(t.TempDir(), "file")
	for i := range 30 {
		items, size := 1+r.IntN(200), 1+r.IntN(1<<(4+r.IntN(14)))
		for range 3 { // opened again: pages are used again
			data := write(t, path, i%3 == 0, 10, queue(r, items, size))
			require.NoError(t, check(data), "%d items of up to %d bytes", items, size)
		}
		if i%4 == 0 {
			require.NoError(t, os.Remove(path))
		}
	}
	long := write(t, path, false, 1, func(b *bbolt.Bucket, _ int) error {
		return errors.Join(b.Put(bytes.Repeat([]byte("k"), maxKey), []byte("v")), b.Put([]byte("v"), make([]byte, 5<<20)))
	})
	require.NoError(t, check(long))
	few := write(t, filepath.Join(t.TempDir(), "few"), false, 3, func(b *bbolt.Bucket, i int) error {
		return b.Put(fmt.Append(nil, i), []byte("inline"))
	})
	require.NoError(t, check(few))
}

func TestCheck_AnEmptyFileIsNotDamaged(t *testing.T) {
	require.NoError(t, check(nil))
}

func TestCheck_UsesTheOtherMetaPageIfOneIsDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	data := write(t, filepath.Join(t.TempDir(), "file"), false, 20, queue(r, 50, 500))
	for head := range 2 {
		damagedHead := bytes.Clone(data)
		clear(damagedHead[head*os.Getpagesize() : (head+1)*os.Getpagesize()])
		oneHead, err := Check(bytes.NewReader(damagedHead), int64(len(damagedHead)))
		require.NoError(t, err, "head %d", head)
		assert.True(t, oneHead, "head %d", head)
	}
	clear(data[:2*os.Getpagesize()])
	require.ErrorIs(t, check(data), ErrDamaged)
}

func TestCheck_DistinguishesDamageFromReadErrors(t *testing.T) {
	data := write(t, filepath.Join(t.TempDir(), "file"), false, 5, queue(rand.New(rand.NewPCG(5, 6)), 50, 500))
	fault := errors.New("input/output error")
	_, err := Check(failing{bytes.NewReader(data), fault}, int64(len(data)))
	require.ErrorIs(t, err, fault)
	assert.NotErrorIs(t, err, ErrDamaged)
}

// failing cannot read anything behind the heads.
type failing struct {
	io.ReaderAt
	err error
}

func (f failing) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(2*os.Getpagesize()) {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(b, at)
}

// first returns where the first page in use with the given flags begins.
func first(t *testing.T, data []byte, flags uint16) int {
	t.Helper()
	m, _, err := findMeta(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	c := &checker{r: bytes.NewReader(data), meta: m, used: make([]uint64, m.highWater/64+1)}
	require.NoError(t, c.tree(m.root, bounds{}, 0, c.bucket))
	for id := uint64(2); id < m.highWater; id++ {
		at := int(id) * int(m.pageSize)
		if c.used[id/64]&(1<<(id%64)) != 0 && order.Uint64(data[at:]) == id && order.Uint16(data[at+8:]) == flags && order.Uint16(data[at+10:]) > 1 {
			return at
		}
	}
	require.Fail(t, "there is no such page")
	return 0
}

func TestCheck_RejectsInconsistentPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, true, 1, func(b *bbolt.Bucket, _ int) error {
		for i := range 500 {
			if err := b.Put(fmt.Appendf(nil, "key %04d", i), make([]byte, 100)); err != nil {
				return err
			}
		}
		return nil
	})
	whole := write(t, path, true, 1, func(b *bbolt.Bucket, _ int) error { return b.Put([]byte("key 0000"), []byte("again")) })
	require.NoError(t, check(whole))
	leaf, branch := first(t, whole, leafPage), first(t, whole, branchPage)
	for name, test := range map[string]struct {
		want string
		do   func(b []byte)
	}{
		"page of no type":        {"has type", func(b []byte) { order.PutUint16(b[leaf+8:], 3) }},
		"branch without leaves":  {"0 elements", func(b []byte) { order.PutUint16(b[branch+10:], 0) }},
		"too many elements":      {"elements in a page", func(b []byte) { order.PutUint16(b[leaf+10:], 60000) }},
		"runs over the end":      {"extends beyond", func(b []byte) { order.PutUint32(b[leaf+12:], 1<<31) }},
		"runs over another page": {"used twice", func(b []byte) { order.PutUint32(b[branch+12:], 1) }},
		"key without bytes":      {"outside of its page", func(b []byte) { order.PutUint32(b[leaf+headerSize+8:], 0) }},
		"key of a gigabyte":      {"outside of its page", func(b []byte) { order.PutUint32(b[leaf+headerSize+8:], 1<<30) }},
		"value of a gigabyte":    {"outside of its page", func(b []byte) { order.PutUint32(b[leaf+headerSize+12:], 1<<30) }},
		"key in the table":       {"outside of its page", func(b []byte) { order.PutUint32(b[leaf+headerSize+4:], 16) }},
		"bucket in the bucket":   {"has flags", func(b []byte) { order.PutUint32(b[leaf+headerSize:], bucketFlag) }},
		"page twice in the tree": {"used twice", func(b []byte) { copy(b[branch+headerSize+elementSize+8:][:8], b[branch+headerSize+8:]) }},
		"page behind the end":    {"of ", func(b []byte) { order.PutUint64(b[branch+headerSize+8:], 1<<60) }},
		"page that is a head":    {"page 1 of", func(b []byte) { order.PutUint64(b[branch+headerSize+8:], 1) }},
		"loop":                   {"used twice", func(b []byte) { copy(b[branch+headerSize+8:][:8], b[branch:]) }},
		"key over another": {"overlaps another", func(b []byte) {
			order.PutUint32(b[leaf+headerSize+elementSize+4:], order.Uint32(b[leaf+headerSize+elementSize+4:])-1)
		}},
		"keys the other way": {"out of order", func(b []byte) { b[leaf+headerSize+int(order.Uint32(b[leaf+headerSize+4:]))+4] = 'z' }},
	} {
		t.Run(name, func(t *testing.T) {
			data := bytes.Clone(whole)
			test.do(data)
			err := check(data)
			require.ErrorIs(t, err, ErrDamaged)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

// Whatever is in a file, looking at it ends, and well.
func FuzzCheck(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, free := range []bool{false, true} {
		for _, items := range []int{1, 3, 60} { // pages of 1 KiB, so that little is much
			f.Add(writeWith(f, filepath.Join(f.TempDir(), "file"), bbolt.Options{PageSize: smallestPage, NoFreelistSync: !free}, 5, queue(r, items, 30)))
		}
	}
	f.Add(bytes.Repeat([]byte("garbage\n"), 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = check(data)
		// The same with a sum that fits, so that what follows it is looked at.
		if len(data) >= headerSize+metaSize {
			data = bytes.Clone(data)
			fixChecksum(data)
			_ = check(data)
		}
	})
}

// A queue of a few large requests and one of many small ones.
func BenchmarkCheck(b *testing.B) {
	const size = 256 << 20
	for _, item := range []int{256 << 10, 1 << 10} {
		b.Run(fmt.Sprintf("items_of_%dKiB", item>>10), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "file")
			write(b, path, false, 1, func(bucket *bbolt.Bucket, _ int) error {
				for i := range size / item {
					if err := bucket.Put(fmt.Append(nil, i), make([]byte, item)); err != nil {
						return err
					}
				}
				return nil
			})
			f, err := os.Open(path)
			require.NoError(b, err)
			defer f.Close()
			info, err := f.Stat()
			require.NoError(b, err)
			b.SetBytes(info.Size())
			for b.Loop() {
				_, err := Check(f, info.Size())
				require.NoError(b, err)
			}
		})
	}
}
