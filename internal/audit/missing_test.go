// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package audit

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The first fault names the missing or damaged part. The faults that follow from
// it come later.
func TestVerify_FirstFaultNamesTheCause(t *testing.T) {
	f := newFixtureIn(t, memoryDir(t))
	for n := range 5 {
		f.add(fmt.Sprintf("t%d", n))
	}
	intact := f.files()
	entries, hashes, checkpoint := f.dir.entriesFile(), f.dir.hashesFile(), f.dir.checkpointFile()
	lines := bytes.SplitAfter(intact[entries], []byte("\n"))
	for name, tt := range map[string]struct {
		change map[string][]byte // nil removes the file
		first  string
	}{
		"no entries":         {map[string][]byte{entries: nil}, "the entries are missing, " + entries + ": restore the log from a backup"},
		"empty entries":      {map[string][]byte{entries: {}}, "the entries are missing, " + entries + ": "},
		"no hashes":          {map[string][]byte{hashes: nil}, "the stored hashes are missing, " + hashes + ": restore"},
		"empty hashes":       {map[string][]byte{hashes: {}}, "the stored hashes are missing, " + hashes + ": "},
		"no checkpoint":      {map[string][]byte{checkpoint: nil}, "the checkpoint is missing, " + checkpoint + ": without it, the 5 entries cannot be verified; restore the log from a backup"},
		"the entries alone":  {map[string][]byte{hashes: nil, checkpoint: nil}, "the stored hashes are missing, "},
		"the checkpoint":     {map[string][]byte{hashes: nil, entries: nil}, "the entries are missing, "},
		"nothing":            {map[string][]byte{hashes: nil, entries: nil, checkpoint: nil}, "the log is missing; its last known checkpoint covers 5 entries: entries 0 to 4 are missing"},
		"hashes truncated":   {map[string][]byte{hashes: intact[hashes][:64]}, "there are 2 stored hashes, but the 5 entries have 8"},
		"half a hash":        {map[string][]byte{hashes: intact[hashes][:70]}, "there are 4 stored hashes, but the 5 entries have 8"},
		"entries truncated":  {map[string][]byte{entries: bytes.Join(lines[:3], nil)}, "there are 8 stored hashes, but the 3 entries have 4"},
		"half an entry":      {map[string][]byte{entries: intact[entries][:len(intact[entries])-9]}, "entry 4 is truncated, " + entries + ": restore"},
		"no last line break": {map[string][]byte{entries: bytes.TrimSuffix(intact[entries], []byte("\n"))}, "entry 4 is truncated, "},
		"an entry":           {map[string][]byte{entries: bytes.Join([][]byte{lines[0], lines[1], lines[3], lines[4]}, nil)}, "there are 8 stored hashes, but the 4 entries have 7"},
		"empty checkpoint":   {map[string][]byte{checkpoint: {}}, "the checkpoint is damaged"},
		"half a checkpoint":  {map[string][]byte{checkpoint: intact[checkpoint][:30]}, "the checkpoint is damaged"},
		"an edited entry":    {map[string][]byte{entries: bytes.Replace(intact[entries], []byte("t3"), []byte("t9"), 1)}, "the stored hashes are not those of the entries"},
	} {
		for path, data := range intact {
			require.NoError(t, os.WriteFile(path, data, 0o600))
		}
		for path, data := range tt.change {
			if data == nil {
				require.NoError(t, os.Remove(path))
			} else {
				require.NoError(t, os.WriteFile(path, data, 0o600))
			}
		}
		r, _ := f.verify()
		if assert.NotEmpty(t, r.Faults, name) {
			assert.Contains(t, r.Faults[0], tt.first, "%s: %q", name, r.Faults)
		}
	}
}
