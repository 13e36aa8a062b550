// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package archive

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func decompress(t testing.TB, path string) string {
	t.Helper()
	f, err := os.ReadFile(path)
	require.NoError(t, err)
	d, err := zstd.NewReader(nil)
	require.NoError(t, err)
	defer d.Close()
	out, err := d.DecodeAll(f, nil)
	require.NoError(t, err)
	return string(out)
}

func TestCompress_IsOneZstdFile(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Settings{Directory: dir, Compress: true})
	want := ""
	for i := range 20 {
		line := fmt.Sprintf("%d %s\n", i, strings.Repeat("abc", 1000))
		want += line
		require.NoError(t, a.Append("x", []byte(line)))
	}
	path := filepath.Join(dir, "x", "00000.jsonl.zst")
	assert.Equal(t, want, decompress(t, path), "also while it is open")
	require.NoError(t, a.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Less(t, info.Size(), int64(len(want)/10))
}

func TestCompress_RemovesATornFrame(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x", "00000.jsonl.zst")
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 200_000) // more than one block, and raw ones
	for i := range noise {
		noise[i] = byte('a' + r.IntN(26))
	}
	lines := []string{"one\n", strings.Repeat("r", 300_000) + "\n", string(noise) + "\n", "\n"}
	a := open(t, Settings{Directory: dir, Compress: true})
	ends := []int64{0}
	for _, line := range lines {
		require.NoError(t, a.Append("x", []byte(line)))
		info, err := os.Stat(path)
		require.NoError(t, err)
		ends = append(ends, info.Size())
	}
	require.NoError(t, a.Close())
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	cuts := []int64{0, 1, 5, ends[1], ends[1] + 1, ends[2] - 1, ends[2], ends[3] - 4, ends[3] - 1, ends[3], ends[4] - 1, ends[4]}
	for range 100 {
		cuts = append(cuts, r.Int64N(ends[4]))
	}
	for _, cut := range cuts {
		require.NoError(t, os.WriteFile(path, whole[:cut], 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, journalName), []byte("+x/00000.jsonl.zst\n"), 0o600))
		a := open(t, Settings{Directory: dir, Compress: true})
		n := 0
		for n < 4 && ends[n+1] <= cut {
			n++
		}
		require.Equal(t, strings.Join(lines[:n], ""), decompress(t, path), "cut at %d of %v", cut, ends)
		require.NoError(t, a.Append("x", []byte("more\n")))
		require.NoError(t, a.Close())
		require.Equal(t, strings.Join(lines[:n], "")+"more\n", decompress(t, path))
	}
}

func TestAppend_RejectsOnAFullDiskAndRecovers(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "x"), 0o700))
	path := filepath.Join(dir, "x", "00000.jsonl")
	require.NoError(t, os.Symlink("/dev/full", path))
	a := open(t, Settings{Directory: dir})
	defer a.Close()
	for range 3 {
		require.ErrorIs(t, a.Append("x", []byte("1\n")), syscall.ENOSPC)
	}
	require.NoError(t, a.Append("y", []byte("1\n")), "other files are not affected")
	require.NoError(t, os.Remove(path))
	require.NoError(t, a.Append("x", []byte("2\n")))
	assert.Equal(t, map[string]string{"x/00000.jsonl": "2\n", "y/00000.jsonl": "1\n"}, content(t, dir))
}

func FuzzRepairFrames(f *testing.F) {
	e, err := newEncoder()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.EncodeAll([]byte("hello\n"), nil))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x24, 0xff, 0x06})
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "f")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		defer file.Close()
		size, err := repairFrames(file)
		require.NoError(t, err)
		again, err := repairFrames(file)
		require.NoError(t, err)
		require.Equal(t, size, again)
		require.LessOrEqual(t, size, int64(len(data)))
	})
}
