package audit

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The first fault names what is missing or broken. What follows from it comes later.
func TestVerify_TheFirstFaultNamesTheCause(t *testing.T) {
	f := newFixtureIn(t, memoryDir(t))
	for n := range 5 {
		f.add(fmt.Sprintf("t%d", n))
	}
	whole := f.files()
	entries, hashes, checkpoint := f.dir.entries(), f.dir.hashes(), f.dir.checkpoint()
	lines := bytes.SplitAfter(whole[entries], []byte("\n"))
	for name, tt := range map[string]struct {
		change map[string][]byte // nil: the file is removed
		first  string
	}{
		"no entries":         {map[string][]byte{entries: nil}, "the entries are missing, " + entries + ": put it back from a backup of the log"},
		"empty entries":      {map[string][]byte{entries: {}}, "the entries are missing, " + entries + ": "},
		"no hashes":          {map[string][]byte{hashes: nil}, "the stored hashes are missing, " + hashes + ": put it back"},
		"empty hashes":       {map[string][]byte{hashes: {}}, "the stored hashes are missing, " + hashes + ": "},
		"no checkpoint":      {map[string][]byte{checkpoint: nil}, "the checkpoint is missing, " + checkpoint + ": nothing says that the 5 entries are all; put it back"},
		"the entries alone":  {map[string][]byte{hashes: nil, checkpoint: nil}, "the stored hashes are missing, "},
		"the checkpoint":     {map[string][]byte{hashes: nil, entries: nil}, "the entries are missing, "},
		"nothing":            {map[string][]byte{hashes: nil, entries: nil, checkpoint: nil}, "the log is gone, and had 5 entries when seen before"},
		"hashes cut off":     {map[string][]byte{hashes: whole[hashes][:64]}, "there are 2 stored hashes, and the 5 entries have 8"},
		"half a hash":        {map[string][]byte{hashes: whole[hashes][:70]}, "there are 4 stored hashes, and the 5 entries have 8"},
		"entries cut off":    {map[string][]byte{entries: bytes.Join(lines[:3], nil)}, "there are 8 stored hashes, and the 3 entries have 4"},
		"half an entry":      {map[string][]byte{entries: whole[entries][:len(whole[entries])-9]}, "entry 4 is cut off in the middle, " + entries + ": put it back"},
		"no last line break": {map[string][]byte{entries: bytes.TrimSuffix(whole[entries], []byte("\n"))}, "entry 4 is cut off in the middle, "},
		"an entry":           {map[string][]byte{entries: bytes.Join([][]byte{lines[0], lines[1], lines[3], lines[4]}, nil)}, "there are 8 stored hashes, and the 4 entries have 7"},
		"empty checkpoint":   {map[string][]byte{checkpoint: {}}, "the checkpoint is damaged"},
		"half a checkpoint":  {map[string][]byte{checkpoint: whole[checkpoint][:30]}, "the checkpoint is damaged"},
		"an edited entry":    {map[string][]byte{entries: bytes.Replace(whole[entries], []byte("t3"), []byte("t9"), 1)}, "the stored hashes are not those of the entries"},
	} {
		for path, data := range whole {
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
