// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package archive

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// longLine is a line of several blocks that do not compress to nothing.
func longLine(char string) string {
	var b strings.Builder
	for i := range 200_000 {
		b.WriteString(char)
		b.WriteByte(byte('a' + i*i%25))
		b.WriteByte(byte('a' + i/7%25))
	}
	return b.String() + "\n"
}

// inParts writes a line in parts, and calls before with the number of each.
func inParts(line string, part int, before func(n int) error) func(io.Writer) error {
	return func(w io.Writer) error {
		for n := 0; len(line) > 0; n++ {
			if err := before(n); err != nil {
				return err
			}
			size := min(part, len(line))
			if _, err := io.WriteString(w, line[:size]); err != nil {
				return err
			}
			line = line[size:]
		}
		return nil
	}
}

func always(int) error { return nil }

// TestAppendFrom_AllOrNothing appends between two lines what fails, panics or is whole,
// and looks at the file meanwhile.
func TestAppendFrom_AllOrNothing(t *testing.T) {
	long := longLine("x")
	failure := errors.New("failed")
	for _, compress := range []bool{false, true} {
		path := map[bool]string{false: "00000.jsonl", true: "00000.jsonl.zst"}[compress]
		for name, c := range map[string]struct {
			line   string
			part   int
			before func(n int) error
			want   string
		}{
			"short":                {"short\n", 100, always, "short\n"},
			"long in small parts":  {long, 1000, always, long},
			"long in large parts":  {long, block + 5, always, long},
			"long in one part":     {long, len(long), always, long},
			"exactly a block":      {long[:block-1] + "\n", block, always, long[:block-1] + "\n"},
			"fails at once":        {long, 1000, func(int) error { return failure }, ""},
			"fails in the middle":  {long, 1000, func(n int) error { return errorAt(n, 400, failure) }, ""},
			"panics in the middle": {long, 1000, func(n int) error { return panicAt(n, 400) }, ""},
			"many lines, last bad": {strings.Repeat("line\n", 200_000), 50_000, func(n int) error { return errorAt(n, 19, failure) }, ""},
		} {
			t.Run(name+map[bool]string{true: ", compressed"}[compress], func(t *testing.T) {
				dir := t.TempDir()
				a := open(t, Settings{Directory: dir, Compress: compress})
				require.NoError(t, a.Append("x", []byte("before\n")))
				write := inParts(c.line, c.part, c.before)
				func() {
					defer func() { _ = recover() }()
					err := a.AppendFrom("x", write)
					if c.want == "" {
						require.ErrorIs(t, err, failure)
					} else {
						require.NoError(t, err)
					}
				}()
				require.NoError(t, a.Append("x", []byte("after\n")))
				assertFile(t, filepath.Join(dir, "x", path), "before\n"+c.want+"after\n", compress)
				assert.Zero(t, a.files["x"].users, "the file can be closed")
				require.NoError(t, a.Close())
			})
		}
	}
}

func errorAt(n, at int, err error) error {
	if n == at {
		return err
	}
	return nil
}

func panicAt(n, at int) error {
	if n == at {
		panic("encoding")
	}
	return nil
}

func assertFile(t *testing.T, path, want string, compressed bool) {
	t.Helper()
	var got string
	if compressed {
		got = decompress(t, path)
	} else {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		got = string(data)
	}
	if want != got { // too long to be shown
		t.Errorf("%s has %d bytes, want %d", path, len(got), len(want))
	}
}

// TestOpen_AfterAKillInALongLine starts with the file as it is while a line is written.
func TestOpen_AfterAKillInALongLine(t *testing.T) {
	long := longLine("y")
	for _, compress := range []bool{false, true} {
		name := map[bool]string{false: "00000.jsonl", true: "00000.jsonl.zst"}[compress]
		for _, at := range []int{0, 270, 400, 590} {
			dir, copied := t.TempDir(), t.TempDir()
			a := open(t, Settings{Directory: dir, Compress: compress})
			require.NoError(t, a.Append("x", []byte("before\n")))
			before, err := os.Stat(filepath.Join(dir, "x", name))
			require.NoError(t, err)
			partly := false
			require.NoError(t, a.AppendFrom("x", inParts(long, 1000, func(n int) error {
				if n == at {
					data, err := os.ReadFile(filepath.Join(dir, "x", name))
					require.NoError(t, err)
					partly = int64(len(data)) > before.Size()
					require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
				}
				return nil
			})))
			require.NoError(t, a.Close())
			if at >= 400 {
				require.True(t, partly, "the line is not in memory as a whole")
			}
			b := open(t, Settings{Directory: copied, Compress: compress})
			assertFile(t, filepath.Join(copied, "x", name), "before\n", compress)
			require.NoError(t, b.Append("x", []byte("after\n")))
			require.NoError(t, b.Close())
			assertFile(t, filepath.Join(copied, "x", name), "before\nafter\n", compress)
		}
	}
}

// TestAppendFrom_LeavesTheReserveInTheMiddle runs out of room within a line.
func TestAppendFrom_LeavesTheReserveInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	a := open(t, Settings{Directory: dir})
	defer a.Close()
	require.NoError(t, a.Append("x", []byte("before\n")))
	err := a.AppendFrom("x", inParts(longLine("z"), 1000, func(n int) error {
		if n == 300 {
			a.set.Reserve = 1 << 62
		}
		return nil
	}))
	require.ErrorIs(t, err, syscall.ENOSPC)
	a.set.Reserve = 0
	require.NoError(t, a.Append("x", []byte("after\n")))
	assertFile(t, filepath.Join(dir, "x", "00000.jsonl"), "before\nafter\n", false)
}

// TestCollector_Memory writes much more than a block.
func TestCollector_Memory(t *testing.T) {
	out := &largest{}
	c := &collector{buf: make([]byte, 0, block), out: out}
	part := bytes.Repeat([]byte("x"), 10_000)
	for range 1000 {
		_, err := c.Write(part)
		require.NoError(t, err)
		require.Equal(t, block, cap(c.buf))
	}
	require.NoError(t, c.finish())
	assert.Equal(t, 10_000_000, out.total)
	assert.LessOrEqual(t, out.most, block)
}

type largest struct{ most, total int }

func (l *largest) Write(p []byte) (int, error) {
	l.most, l.total = max(l.most, len(p)), l.total+len(p)
	return len(p), nil
}
