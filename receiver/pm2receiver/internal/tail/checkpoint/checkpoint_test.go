// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package checkpoint

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/fingerprint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logfile"
)

// secretLine is content of a log that a checkpoint without content may not have.
const secretLine = "password of the customer"

// example returns a checkpoint with a value in every field.
func example() *Checkpoint {
	read := fingerprint.Fingerprint{Offset: 40, Head: []byte(secretLine), Digest: 7, Samples: []fingerprint.Sample{{Offset: 20, Digest: 3}}}
	return &Checkpoint{
		Version: Version, Contents: 9,
		Files: []File{
			{ID: 5, Name: "app-out.log.1", Device: 1, Inode: 2, Fingerprint: read, Copy: true},
			{ID: 6, Name: "app-out.log", Device: 1, Inode: 3, Fingerprint: read},
		},
		Gone:    []File{{ID: 4, Name: "app-out.log", Device: 1, Inode: 4, Fingerprint: read, Missing: true}},
		Handled: []CopyState{{Device: 1, Inode: 8, Size: 100, Modified: 1_700_000_000_000_000_000}},
		State:   decode.State{Lines: lines.State{Slots: []lines.Slot{{ProcessID: 1, Partial: []byte(secretLine)}}}},
	}
}

func TestCheckpoint_WithoutContent(t *testing.T) {
	c := example()
	full, err := json.Marshal(c)
	require.NoError(t, err)
	bare := c.WithoutContent()
	after, err := json.Marshal(c)
	require.NoError(t, err)
	assert.Equal(t, string(full), string(after), "the original keeps its content")

	data, err := json.Marshal(bare)
	require.NoError(t, err)
	assert.NotContains(t, string(data), secretLine)
	encoded, err := json.Marshal([]byte(secretLine))
	require.NoError(t, err)
	require.Contains(t, string(full), string(bytes.Trim(encoded, `"`)), "else the next assertion proves nothing")
	assert.NotContains(t, string(data), string(bytes.Trim(encoded, `"`)))

	assert.Equal(t, c.Contents, bare.Contents)
	assert.Equal(t, c.Handled, bare.Handled)
	require.Len(t, bare.Files, 2)
	require.Len(t, bare.Gone, 1)
	for i, f := range bare.Files {
		f.Head = c.Files[i].Head
		assert.Equal(t, c.Files[i], f, "only the content is gone")
	}
	empty := (&Checkpoint{Version: Version}).WithoutContent()
	assert.Equal(t, &Checkpoint{Version: Version}, empty)
}

func TestFile_Is(t *testing.T) {
	at := logfile.Status{Device: 1, Inode: 2, Size: 3, Modified: 4, Links: 1}
	f := NewFile("app-out.log", at)
	assert.Equal(t, File{Name: "app-out.log", Device: 1, Inode: 2}, f)
	grown := at
	grown.Size, grown.Modified, grown.Links = 900, 901, 2
	assert.True(t, f.Is(at))
	assert.True(t, f.Is(grown), "a file that has grown is the same file")
	assert.False(t, f.Is(logfile.Status{Device: 1, Inode: 3}))
	assert.False(t, f.Is(logfile.Status{Device: 2, Inode: 2}))
	assert.False(t, f.Is(logfile.Status{}))
}

func TestCopyState(t *testing.T) {
	at := logfile.Status{Device: 1, Inode: 2, Size: 3, Modified: 4, Links: 1}
	c := StateOf(at)
	assert.Equal(t, CopyState{Device: 1, Inode: 2, Size: 3, Modified: 4}, c)
	assert.True(t, c.Status().SameFile(at))
	for name, change := range map[string]func(*logfile.Status){
		"inode":    func(s *logfile.Status) { s.Inode++ },
		"device":   func(s *logfile.Status) { s.Device++ },
		"size":     func(s *logfile.Status) { s.Size++ },
		"modified": func(s *logfile.Status) { s.Modified++ },
	} {
		other := at
		change(&other)
		assert.NotEqual(t, c, StateOf(other), "a later file with another %s", name)
	}
}

func TestContentID(t *testing.T) {
	line := []byte("2026-11-21 first line")
	id := ContentID("/logs/app-out.log", 1, line)
	assert.Equal(t, uint64(0xff1ed92ee52fd412), id, "it may not change between versions: records refer to it")
	assert.Equal(t, id, ContentID("/logs/app-out.log", 1, bytes.Clone(line)))
	for name, other := range map[string]uint64{
		"path":    ContentID("/logs/app-err.log", 1, line),
		"number":  ContentID("/logs/app-out.log", 2, line),
		"high":    ContentID("/logs/app-out.log", 1<<24+1, line),
		"line":    ContentID("/logs/app-out.log", 1, line[1:]),
		"no line": ContentID("/logs/app-out.log", 1, nil),
	} {
		assert.NotEqual(t, id, other, name)
		assert.NotZero(t, other, name)
	}
	long := bytes.Repeat([]byte("x"), fingerprint.SampleSize)
	assert.Equal(t, ContentID("p", 1, long), ContentID("p", 1, append(bytes.Clone(long), "more"...)), "the bytes after a sample do not count")
	// A zero byte is between path and number, so they cannot be mistaken for each other.
	assert.NotEqual(t, ContentID("p\x00\x01", 0, nil), ContentID("p", 1, nil))
}

// The names in stored checkpoints may not change: a checkpoint of an earlier version is read.
func TestCheckpoint_JSON(t *testing.T) {
	const stored = `{"version":1,"count":9,` +
		`"files":[{"id":5,"name":"app-out.log.1","device":1,"inode":2,"offset":40,"head":"cGFzc3dvcmQgb2YgdGhlIGN1c3RvbWVy","guard":7,"samples":[{"offset":20,"sum":3}],"copy":true},` +
		`{"id":6,"name":"app-out.log","device":1,"inode":3,"offset":40,"head":"cGFzc3dvcmQgb2YgdGhlIGN1c3RvbWVy","guard":7,"samples":[{"offset":20,"sum":3}]}],` +
		`"past":[{"id":4,"name":"app-out.log","device":1,"inode":4,"offset":40,"head":"cGFzc3dvcmQgb2YgdGhlIGN1c3RvbWVy","guard":7,"samples":[{"offset":20,"sum":3}],"away":true}],` +
		`"seen":[{"device":1,"inode":8,"size":100,"modified":1700000000000000000}],` +
		`"state":{"lines":{"slots":[{"id":1,"partial":"cGFzc3dvcmQgb2YgdGhlIGN1c3RvbWVy"}]}}}`
	data, err := json.Marshal(example())
	require.NoError(t, err)
	assert.Equal(t, stored, string(data)) //nolint:testifylint // the order of the fields is part of the test of the format
	var c Checkpoint
	require.NoError(t, json.Unmarshal([]byte(stored), &c))
	assert.Equal(t, example(), &c)
}
