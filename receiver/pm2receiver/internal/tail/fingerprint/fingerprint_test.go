// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package fingerprint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// text returns n bytes that differ at every place, with a seed.
func text(seed uint64, n int) []byte {
	random := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// read returns the fingerprint of content that was read in blocks that end at these offsets.
func read(content []byte, ends ...int) Fingerprint {
	var f Fingerprint
	from := 0
	for _, end := range ends {
		f.Advance(content[from-f.Window():from], content[from:end])
		from = end
	}
	return f
}

// at returns the fingerprint of all of content.
func at(t *testing.T, content []byte) Fingerprint {
	t.Helper()
	f, ok, err := At(bytes.NewReader(content), int64(len(content)))
	require.NoError(t, err)
	require.True(t, ok)
	return f
}

func changed(content []byte, i int) []byte {
	c := bytes.Clone(content)
	c[i]++
	return c
}

var errDisk = errors.New("disk error")

// failing fails at the n-th read.
type failing struct {
	io.ReaderAt
	n int
}

func (f *failing) ReadAt(b []byte, offset int64) (int, error) {
	if f.n--; f.n == 0 {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(b, offset)
}

func TestAt(t *testing.T) {
	content := text(1, 3000)
	for _, n := range []int{0, 1, SampleSize - 1, SampleSize, SampleSize + 1, 2999, 3000} {
		f, ok, err := At(bytes.NewReader(content), int64(n))
		require.NoError(t, err)
		require.True(t, ok, n)
		assert.Equal(t, int64(n), f.Offset)
		assert.True(t, bytes.HasPrefix(content, f.Head))
		assert.Len(t, f.Head, min(n, SampleSize))
		assert.Empty(t, f.Samples)
		assert.True(t, f.Follows(content[n-f.Window():n]))
		require.NoError(t, f.Validate())
	}
	f, ok, err := At(bytes.NewReader(content), 3001)
	require.NoError(t, err)
	assert.False(t, ok, "the file is shorter")
	assert.Zero(t, f)
}

func TestFingerprint_AdvanceEqualsAt(t *testing.T) {
	content := text(2, 5000)
	for _, ends := range [][]int{
		{5000},
		{1, 2, 3, 5000},
		{511, 512, 513, 1024, 1025, 5000},
		{512, 1024, 5000},
		{600, 601, 602, 5000},
		{100, 200, 300, 400, 500, 600, 700, 5000},
		{4999, 5000},
	} {
		f := read(content, ends...)
		want := at(t, content)
		assert.Equal(t, want.Head, f.Head, ends)
		assert.Equal(t, want.Digest, f.Digest, ends)
		assert.Equal(t, want.Offset, f.Offset, ends)
		assert.Len(t, f.Samples, len(ends)-1)
		require.NoError(t, f.Validate())
		for _, s := range f.Samples {
			assert.Equal(t, at(t, content[:s.Offset]).Digest, s.Digest, "sample at %d of %v", s.Offset, ends)
		}
	}
}

// A fingerprint in a published checkpoint is shared with the next one.
func TestFingerprint_AdvanceChangesNoCopy(t *testing.T) {
	content := text(3, 4096)
	f := read(content, 100, 200, 300)
	before, err := json.Marshal(f)
	require.NoError(t, err)
	one, other := f, f
	one.Advance(content[300-f.Window():300], content[300:400])
	other.Advance(content[300-f.Window():300], text(4, 1000))
	after, err := json.Marshal(f)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	assert.Equal(t, at(t, content[:400]).Head, one.Head)
}

func TestFingerprint_Follows(t *testing.T) {
	content := text(5, 2000)
	f := at(t, content)
	window := content[2000-SampleSize:]
	assert.True(t, f.Follows(window))
	assert.False(t, f.Follows(window[1:]), "too short")
	assert.False(t, f.Follows(content[2000-SampleSize-1:]), "too long")
	assert.False(t, f.Follows(changed(window, 0)))
	assert.False(t, f.Follows(changed(window, SampleSize-1)))
	assert.False(t, f.Follows(nil))
	var unread Fingerprint
	assert.True(t, unread.Follows(nil), "nothing was read, so nothing can differ")
	assert.False(t, unread.Follows([]byte("x")))
}

func TestFingerprint_Skip(t *testing.T) {
	zeroed := make([]byte, 3*MinSkip)
	f := read([]byte("one line\n"), 9)
	f.Skip(MinSkip + 17)
	assert.Equal(t, int64(9+MinSkip+17), f.Offset)
	content := append([]byte("one line\n"), zeroed...)
	ok, err := f.Matches(bytes.NewReader(content))
	require.NoError(t, err)
	assert.True(t, ok)
	require.NoError(t, f.Validate())

	var hole Fingerprint // the file begins with a hole
	hole.Skip(2 * MinSkip)
	ok, err = hole.Matches(bytes.NewReader(zeroed))
	require.NoError(t, err)
	assert.True(t, ok)
	ok, err = hole.Matches(bytes.NewReader(changed(zeroed, 0)))
	require.NoError(t, err)
	assert.False(t, ok)
}

func TestFingerprint_Matches(t *testing.T) {
	content := text(6, 4000)
	f := at(t, content[:3000])
	for name, c := range map[string]struct {
		content []byte
		want    bool
	}{
		"unchanged":              {content[:3000], true},
		"grown":                  {content, true},
		"one byte shorter":       {content[:2999], false},
		"shorter than the head":  {content[:100], false},
		"empty":                  {nil, false},
		"first byte differs":     {changed(content, 0), false},
		"end of the head":        {changed(content, SampleSize-1), false},
		"begin of the window":    {changed(content, 3000-SampleSize), false},
		"last byte differs":      {changed(content, 2999), false},
		"a byte after it":        {changed(content, 3000), true},
		"other content":          {text(7, 4000), false},
		"zeros":                  {make([]byte, 4000), false},
		"the same, one byte off": {content[1:], false},
	} {
		ok, err := f.Matches(bytes.NewReader(c.content))
		require.NoError(t, err, name)
		assert.Equal(t, c.want, ok, name)
	}
	var unread Fingerprint
	ok, err := unread.Matches(bytes.NewReader(nil))
	require.NoError(t, err)
	assert.True(t, ok, "every file begins with nothing")
}

func TestFingerprint_RestoreContent(t *testing.T) {
	for _, n := range []int{0, 1, SampleSize, 3000} {
		content := text(8, n)
		f := at(t, content)
		bare := f.WithoutContent()
		assert.Empty(t, bare.Head)
		assert.Len(t, f.Head, min(n, SampleSize), "the original keeps its content")
		ok, err := bare.Matches(bytes.NewReader(content))
		require.NoError(t, err)
		assert.True(t, ok, n)
		require.NoError(t, bare.RestoreContent(bytes.NewReader(content)))
		assert.Equal(t, f, bare)
		require.NoError(t, bare.RestoreContent(bytes.NewReader(nil)), "nothing is read again")
		assert.Equal(t, f, bare)
	}
	bare := read(text(8, 3000), 3000).WithoutContent()
	require.NoError(t, bare.RestoreContent(bytes.NewReader(nil)))
	assert.Empty(t, bare.Head, "a file that has become shorter has no beginning to restore")
}

func TestFingerprint_CompareDecisionTable(t *testing.T) {
	content := text(9, 6000)
	f := read(content, 1000, 2000, 3000, 4000) // samples at 1000, 2000 and 3000
	short := read(content, 40)
	for name, c := range map[string]struct {
		f       Fingerprint
		content []byte
		want    Relation
	}{
		"equal":                                {f, content[:4000], Covered},
		"holds more":                           {f, content, Longer},
		"one byte more":                        {f, content[:4001], Longer},
		"ends at a sample":                     {f, content[:2000], Covered},
		"ends after a sample":                  {f, content[:2999], Covered},
		"ends before the first sample":         {f, content[:999], Covered},
		"holds the head only":                  {f, content[:SampleSize], Covered},
		"ends in the head":                     {f, content[:SampleSize-1], Unclear},
		"one byte":                             {f, content[:1], Unclear},
		"empty":                                {f, nil, Unclear},
		"other content":                        {f, text(10, 6000), Unrelated},
		"other first byte":                     {f, changed(content, 0), Unrelated},
		"one other byte":                       {f, text(10, 1), Unrelated},
		"differs before the end":               {f, changed(content[:4000], 3999), Unrelated},
		"longer, differs before the offset":    {f, changed(content, 3999), Unrelated},
		"longer, differs after the offset":     {f, changed(content, 4000), Longer},
		"shorter, differs before its sample":   {f, changed(content[:2500], 1999), Unrelated},
		"shorter, differs after its sample":    {f, changed(content[:2500], 2400), Covered},
		"nothing was read":                     {Fingerprint{}, content, Unclear},
		"nothing was read, empty":              {Fingerprint{}, nil, Unclear},
		"less than a head was read":            {short, content, Longer},
		"less than a head was read, equal":     {short, content[:40], Covered},
		"less than a head was read, shorter":   {short, content[:39], Unclear},
		"no content: equal":                    {f.WithoutContent(), content[:4000], Covered},
		"no content: holds more":               {f.WithoutContent(), content, Longer},
		"no content: ends at a sample":         {f.WithoutContent(), content[:2000], Covered},
		"no content: before the first sample":  {f.WithoutContent(), content[:999], Unclear},
		"no content: empty":                    {f.WithoutContent(), nil, Unclear},
		"no content: other content":            {f.WithoutContent(), text(10, 6000), Unrelated},
		"no content: other content, shorter":   {f.WithoutContent(), text(10, 2000), Unrelated},
		"no content: other content, too short": {f.WithoutContent(), text(10, 999), Unclear},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.f.Compare(bytes.NewReader(c.content), int64(len(c.content)))
			require.NoError(t, err)
			assert.Equal(t, c.want.String(), got.String())
		})
	}
}

// A file may be truncated between its status and the reads.
func TestFingerprint_CompareOfAFileThatShrinks(t *testing.T) {
	content := text(11, 4000)
	f := read(content, 1000, 4000)
	for _, n := range []int{0, 100, 600, 1000, 3999} {
		got, err := f.Compare(bytes.NewReader(content[:n]), 4000)
		require.NoError(t, err)
		assert.Equal(t, Unclear, got, "%d bytes are left", n)
	}
}

func TestFingerprint_ReturnsReadErrors(t *testing.T) {
	content := text(12, 4000)
	f := read(content, 1000, 3000)
	bare := f.WithoutContent()
	for n := 1; n <= 2; n++ {
		_, ok, err := At(&failing{bytes.NewReader(content), n}, 3000)
		require.ErrorIs(t, err, errDisk)
		assert.False(t, ok)
		ok, err = f.Matches(&failing{bytes.NewReader(content), n})
		require.ErrorIs(t, err, errDisk)
		assert.False(t, ok)
		got, err := f.Compare(&failing{bytes.NewReader(content), n}, 4000)
		require.ErrorIs(t, err, errDisk)
		assert.Equal(t, Unclear, got)
	}
	require.ErrorIs(t, bare.RestoreContent(&failing{bytes.NewReader(content), 1}), errDisk)
	_, ok, err := Beginning(&failing{bytes.NewReader(content), 1}, 10)
	require.ErrorIs(t, err, errDisk)
	assert.False(t, ok)
}

func TestBeginning(t *testing.T) {
	content := text(13, 600)
	for n, want := range map[int64]int{0: 0, 1: 1, SampleSize: SampleSize, 600: SampleSize, math.MaxInt64: SampleSize} {
		b, ok, err := Beginning(bytes.NewReader(content), n)
		require.NoError(t, err)
		assert.True(t, ok)
		assert.Equal(t, content[:want], b)
	}
	_, ok, err := Beginning(bytes.NewReader(content[:9]), 10)
	require.NoError(t, err)
	assert.False(t, ok)
}

// A log that is read for months keeps a bounded number of samples, most of them near its end.
func TestFingerprint_BoundsSamples(t *testing.T) {
	var f Fingerprint
	window := []byte(nil)
	for i := range 100_000 {
		line := fmt.Appendf(nil, "line %d\n", i)
		f.Advance(window, line)
		window = append(window, line...)
		window = window[max(0, len(window)-SampleSize):]
		if len(f.Samples) > maxSamples {
			t.Fatalf("%d samples after %d blocks", len(f.Samples), i)
		}
	}
	require.NoError(t, f.Validate())
	assert.GreaterOrEqual(t, len(f.Samples), maxSamples/2)
	last := f.Offset - f.Samples[len(f.Samples)-1].Offset
	first := f.Samples[1].Offset - f.Samples[0].Offset
	assert.Less(t, last, first, "samples are closer near the end")
	data, err := json.Marshal(f)
	require.NoError(t, err)
	assert.Less(t, len(data), 4<<10)
}

func TestFingerprint_Validate(t *testing.T) {
	valid := read(text(14, 4000), 1000, 2000, 4000)
	require.NoError(t, valid.Validate())
	require.NoError(t, new(Fingerprint).Validate())
	for name, c := range map[string]struct {
		change func(*Fingerprint)
		want   string
	}{
		"negative offset":       {func(f *Fingerprint) { f.Offset = -1 }, "offset -1 is negative"},
		"least offset":          {func(f *Fingerprint) { f.Offset = math.MinInt64 }, "is negative"},
		"head of nothing":       {func(f *Fingerprint) { f.Offset, f.Samples = 0, nil }, "512 bytes at the beginning"},
		"head too long":         {func(f *Fingerprint) { f.Head = make([]byte, SampleSize+1) }, "513 bytes at the beginning"},
		"head after offset":     {func(f *Fingerprint) { f.Offset, f.Samples = 511, nil }, "512 bytes at the beginning"},
		"sample after offset":   {func(f *Fingerprint) { f.Samples[1].Offset = 4001 }, "sample at offset 4001"},
		"sample at 0":           {func(f *Fingerprint) { f.Samples[0].Offset = 0 }, "sample at offset 0"},
		"negative sample":       {func(f *Fingerprint) { f.Samples[0].Offset = -7 }, "sample at offset -7"},
		"samples in disorder":   {func(f *Fingerprint) { slices.Reverse(f.Samples) }, "sample at offset 1000, after one at 2000"},
		"equal samples":         {func(f *Fingerprint) { f.Samples[1] = f.Samples[0] }, "sample at offset 1000, after one at 1000"},
		"more samples than fit": {func(f *Fingerprint) { f.Samples = make([]Sample, maxSamples+1) }, "25 samples"},
	} {
		f := valid
		f.Samples = slices.Clone(valid.Samples)
		c.change(&f)
		assert.ErrorContains(t, f.Validate(), c.want, name)
	}
}

// Checkpoints outlive versions of this package, so the names in them may not change.
func TestFingerprint_JSON(t *testing.T) {
	f := read([]byte("first\nsecond\n"), 6, 13)
	data, err := json.Marshal(f)
	require.NoError(t, err)
	const want = `{"offset":13,"head":"Zmlyc3QKc2Vjb25kCg==","guard":15417124806524271713,"samples":[{"offset":6,"sum":17740418844157875907}]}`
	assert.Equal(t, want, string(data)) //nolint:testifylint // JSONEq rounds numbers of 64 bits
	var again Fingerprint
	require.NoError(t, json.Unmarshal(data, &again))
	assert.Equal(t, f, again)
	empty, err := json.Marshal(Fingerprint{})
	require.NoError(t, err)
	assert.JSONEq(t, `{"offset":0}`, string(empty))
}

func TestRelation_String(t *testing.T) {
	assert.Equal(t, []string{"unrelated", "unclear", "covered", "longer", "invalid"},
		strings.Fields(fmt.Sprintln(Unrelated, Unclear, Covered, Longer, Relation(9))))
}

// FuzzCompare compares the relation with that of the whole contents: a copy that is related
// never counts as unrelated, and Longer and Covered are right about the bytes that are
// compared.
func FuzzCompare(f *testing.F) {
	f.Add([]byte("one\ntwo\nthree\n"), []byte("four\n"), uint16(4), uint16(9), true)
	f.Add(text(20, 2000), text(21, 700), uint16(600), uint16(1500), false)
	f.Add([]byte{}, []byte{}, uint16(0), uint16(0), false)
	f.Fuzz(func(t *testing.T, content, more []byte, cut, size uint16, bare bool) {
		ends := []int{int(cut) % (len(content) + 1), len(content)}
		fp := read(content, ends...)
		if ends[0] == 0 || ends[0] == len(content) {
			fp = read(content, len(content))
		}
		if len(content) == 0 {
			fp = Fingerprint{}
		}
		require.NoError(t, fp.Validate())
		if bare {
			fp = fp.WithoutContent()
		}
		whole := append(bytes.Clone(content), more...)
		copied := whole[:int(size)%(len(whole)+1)]
		got, err := fp.Compare(bytes.NewReader(copied), int64(len(copied)))
		require.NoError(t, err)
		switch got {
		case Unrelated:
			t.Fatalf("a copy of the first %d bytes is unrelated", len(copied))
		case Longer:
			require.Greater(t, len(copied), len(content))
		case Covered:
			require.LessOrEqual(t, len(copied), len(content))
		case Unclear:
			require.True(t, len(copied) < SampleSize || bare || len(content) == 0, "%d of %d bytes", len(copied), len(content))
		}
		matches, err := fp.Matches(bytes.NewReader(copied))
		require.NoError(t, err)
		require.Equal(t, len(copied) >= len(content), matches)
	})
}

// FuzzValidate gives the methods every fingerprint that a damaged checkpoint may hold and that
// Validate accepts.
func FuzzValidate(f *testing.F) {
	f.Add([]byte(`{"offset":13,"head":"Zmlyc3Q=","guard":1,"samples":[{"offset":6,"sum":3}]}`), []byte("first\nsecond\n"))
	f.Add([]byte(`{"offset":-1}`), []byte("x"))
	f.Add([]byte(`{"offset":9223372036854775807,"samples":[{"offset":9223372036854775807}]}`), []byte("x"))
	f.Fuzz(func(t *testing.T, data, content []byte) {
		var fp Fingerprint
		if json.Unmarshal(data, &fp) != nil || fp.Validate() != nil {
			return
		}
		r := bytes.NewReader(content)
		_, err := fp.Matches(r)
		require.NoError(t, err)
		_, err = fp.Compare(r, int64(len(content)))
		require.NoError(t, err)
		require.NoError(t, fp.RestoreContent(r))
		require.NoError(t, fp.Validate())
		if fp.Offset < math.MaxInt64-1<<20 {
			fp.Advance(make([]byte, fp.Window()), []byte("more\n"))
			require.NoError(t, fp.Validate())
		}
	})
}
