// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/finder"
)

// neverGot fails if anything accepted has the text.
func (h *home) neverGot(text string) {
	h.t.Helper()
	for _, line := range h.got() {
		assert.NotContains(h.t, line, text)
	}
}

// keepsNothingOf fails if the storage has the text.
func (h *home) keepsNothingOf(text string) {
	h.t.Helper()
	for key, value := range h.store.snapshot() {
		var c checkpoint.Checkpoint
		if strings.HasPrefix(key, "stream:") && json.Unmarshal(value, &c) == nil {
			for _, m := range append(c.Files, c.Gone...) {
				assert.NotContains(h.t, string(m.Head), text, key)
			}
			value, _ = json.Marshal(c.State)
		}
		assert.NotContains(h.t, string(value), text, key)
	}
}

// A file that was read is not read any more when it is excluded, or no longer included,
// and continues from its position when it is included again.
func TestExcluded_KnownFileIsLeftUntilItIsIncludedAgain(t *testing.T) {
	for name, narrow := range map[string]func(h *home){
		"excluded":                func(h *home) { h.exclude = []string{h.path("b-*.log")} },
		"excluded by its name":    func(h *home) { h.exclude = []string{h.path("b-out.log")} },
		"excluded through folder": func(h *home) { h.exclude = []string{filepath.Dir(h.dir) + "/**/b-out.log"} },
		"not included":            func(h *home) { h.include = []string{h.path("a-*.log")} },
		"another folder":          func(h *home) { h.include = []string{h.path("a-out.log"), h.path("else/*.log")} },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			wide := h.include
			h.write("a-out.log", numbered("a", 1, 10))
			h.write("b-out.log", numbered("b", 1, 10)+"half a line")
			h.start()
			h.eventually(numbered("a", 1, 10), numbered("b", 1, 10))
			h.stop()
			narrow(h)
			for i := range 3 { // what is kept of it is kept over several starts
				h.start()
				h.write("a-out.log", numbered("a", 11+i, 11+i))
				h.write("b-out.log", numbered(" private", 1+i, 1+i))
				h.advance(time.Minute)
				h.eventually(numbered("a", 1, 11+i), numbered("b", 1, 10))
				h.stop()
				h.keepsNothingOf("half")
				h.keepsNothingOf("b 0")
			}
			h.include, h.exclude = wide, nil
			h.start()
			h.write("b-out.log", numbered("b", 11, 20))
			h.eventually(numbered("a", 1, 13), numbered("b", 1, 10), "half a line private 000001\n", numbered(" private", 2, 3), numbered("b", 11, 20))
		})
	}
}

// Lines of an excluded file that the decoder holds back are neither sent nor kept.
func TestExcluded_HeldBackLinesAreDropped(t *testing.T) {
	record := func(message string) string {
		b, err := json.Marshal(message)
		require.NoError(t, err)
		return fmt.Sprintf(`{"message":%s,"timestamp":"2026-11-21T02:08:36Z","type":"out","process_id":0,"app_name":"b"}`, b) + "\n"
	}
	for name, held := range map[string]string{
		"half a line of a record": record("whole\nprivate half"),
		"stack trace":             record("whole\nError: private\n    at private (/a.js:1:2)\n"),
		"stack trace of text":     "whole\nError: private\n    at private (/a.js:1:2)\n",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			h.write("b-out.log", held)
			h.start()
			h.saved("b-out.log", int64(len(held)))
			h.stop()
			sent := h.got()
			h.exclude = []string{h.path("b-*")}
			h.start()
			h.advance(time.Minute)
			h.waitForPolls()
			h.stop()
			h.keepsNothingOf("private")
			h.exclude = nil
			h.start()
			h.advance(time.Minute)
			h.waitForPolls()
			assert.Equal(t, sent, h.got())
		})
	}
}

// A rotated generation of an excluded file is excluded, whatever rotated it, and one that
// is excluded by its own name is not read for its origin either.
func TestExcluded_Generations(t *testing.T) {
	names := []string{
		"b-out.log.1", "b-out.log.12", "b-out.log-20261121", "b-out.log.2026-11-21", "b-out-20261121.log", "b-out.3.log",
		"b-out__2026-11-21_00-00-00.log", "b-out__Saturday21.log", "b-out.log.bak",
	}
	for _, again := range []bool{false, true} {
		for name, exclude := range map[string]string{"origin": "b-out.log", "apps": "b-*.log", "all": "b-*"} {
			t.Run(fmt.Sprintf("%s, known before: %t", name, again), func(t *testing.T) {
				h := newHome(t)
				h.include = []string{h.path("*")}
				write := func(tag string) {
					for _, name := range names {
						h.write(name, numbered(tag+" "+name, 1, 3))
						h.pack(name+".gz", numbered(tag+" "+name+".gz", 1, 3))
					}
				}
				h.write("a-out.log", numbered("a", 1, 1))
				if again {
					h.start()
					h.eventually(numbered("a", 1, 1))
					h.write("b-out.log", numbered("first", 1, 1))
					h.eventually(numbered("a", 1, 1), numbered("first", 1, 1))
					h.stop()
				} else {
					h.write("b-out.log", numbered("private", 1, 1))
				}
				h.exclude = []string{h.path(exclude)}
				write("private")
				h.start()
				h.write("a-out.log", numbered("a", 2, 2))
				h.advance(time.Minute)
				h.waitForPolls()
				write("private more")
				h.write("a-out.log", numbered("a", 3, 3))
				h.advance(time.Minute)
				h.waitForPolls()
				h.stop()
				h.neverGot("private")
				h.keepsNothingOf("private")
				assert.Contains(t, h.got(), "a 000003")
				assert.Zero(t, h.logs.Len(), "what is excluded on purpose is no news: %v", h.logs.All())
			})
		}
	}
	for _, exclude := range []string{"a-out.log.1", "*__*", "*.gz", "a-out.log?*"} {
		t.Run("copies "+exclude, func(t *testing.T) {
			h := newHome(t)
			h.exclude = []string{h.path(exclude)}
			h.write("a-out.log", numbered("a", 1, 1))
			h.start()
			h.eventually(numbered("a", 1, 1))
			copies := func(tag string) {
				for _, name := range []string{"a-out.log.1", "a-out__2026-11-21_00-00-00.log"} {
					if h.excluded(name) {
						h.write(name, numbered(tag, 1, 3))
					}
				}
				h.pack("a-out__2026-11-22_00-00-00.log.gz", numbered(tag, 1, 3))
			}
			if !h.excluded("a-out__2026-11-22_00-00-00.log.gz") {
				h.exclude = append(h.exclude, h.path("*.gz"))
				h.stop()
				h.start()
			}
			copies("private")
			h.advance(2 * time.Minute)
			h.waitForPolls()
			h.stop()
			copies("private again")
			h.start()
			h.advance(2 * time.Minute)
			h.waitForPolls()
			h.neverGot("private")
			assert.Zero(t, h.logs.Len(), "what is excluded on purpose is no news: %v", h.logs.All())
		})
	}
}

func (h *home) excluded(name string) bool { return finder.NewExclusion(h.exclude).Has(h.path(name)) }

// pack writes a compressed file.
func (h *home) pack(name, text string) {
	f, err := os.Create(h.path(name))
	require.NoError(h.t, err)
	z := gzip.NewWriter(f)
	_, err = z.Write([]byte(text))
	require.NoError(h.t, err)
	require.NoError(h.t, z.Close())
	require.NoError(h.t, f.Close())
}

// A file that is renamed to an excluded name is not read any more, even if its writer continues.
func TestExcluded_RenamedToAnExcludedName(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		for _, to := range []string{"b-out.log", "else/x-out.log"} {
			for _, running := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, replaced: %t, running: %t", to, replaced, running), func(t *testing.T) {
					h := newHome(t)
					require.NoError(t, os.Mkdir(h.path("else"), 0o755))
					h.exclude = []string{h.path("b-out.log"), h.path("else/**")}
					h.write("a-out.log", numbered("a", 1, 10))
					h.start()
					h.eventually(numbered("a", 1, 10))
					if !running {
						h.stop()
					}
					require.NoError(t, os.Rename(h.path("a-out.log"), h.path(to)))
					want := numbered("a", 1, 10)
					if replaced {
						h.write("a-out.log", numbered("new", 1, 3))
						want += numbered("new", 1, 3)
					}
					if !running {
						h.start()
					}
					h.eventually(want)
					h.write(to, numbered("private", 1, 10))
					h.advance(time.Second)
					h.waitForPolls()
					h.eventually(want)
					h.stop()
					h.start()
					h.write(to, numbered("private", 11, 20))
					h.waitForPolls()
					h.eventually(want)
					h.keepsNothingOf("private")
					if replaced || to != "b-out.log" {
						return
					}
					// With its old name again, it is read from its position.
					require.NoError(t, os.Rename(h.path(to), h.path("a-out.log")))
					h.eventually(want, numbered("private", 1, 20))
				})
			}
		}
	}
}

// The number of a file that was read becomes that of an excluded one, which even begins
// with the same lines.
func TestExcluded_InodeIsUsedAgain(t *testing.T) {
	h := newHome(t)
	h.exclude = []string{h.path("b-out.log")}
	h.write("a-out.log", numbered("a", 1, 10))
	h.start()
	h.eventually(numbered("a", 1, 10))
	h.stop()
	require.NoError(t, os.Link(h.path("a-out.log"), h.path("b-out.log"))) // certainly the same number
	require.NoError(t, os.Remove(h.path("a-out.log")))
	h.write("b-out.log", numbered("private", 1, 10))
	h.start()
	h.waitForPolls()
	h.write("a-out.log", numbered("new", 1, 10))
	h.eventually(numbered("a", 1, 10), numbered("new", 1, 10))
	h.keepsNothingOf("private")
}

// No link leads to what is excluded, and what a pattern excludes through links has no
// other name.
func TestExcluded_Links(t *testing.T) {
	outside := t.TempDir()
	private := filepath.Join(outside, "logs", "b-out.log")
	for name, c := range map[string]struct {
		exclude string
		link    func(h *home) error
	}{
		"target, link to it":               {private, func(h *home) error { return os.Symlink(private, h.path("a-out.log")) }},
		"folder of the target":             {outside + "/**", func(h *home) error { return os.Symlink(private, h.path("a-out.log")) }},
		"generation, link to it":           {private, func(h *home) error { return os.Symlink(private+".1", h.path("a-out.log")) }},
		"linked folder":                    {private, func(h *home) error { return os.Symlink(filepath.Dir(private), h.path("in")) }},
		"name through the linked folder":   {"in/b-out.log", func(h *home) error { return os.Symlink(filepath.Dir(private), h.path("in")) }},
		"name that is a link to the file":  {"other/link.log", func(h *home) error { return os.Symlink(private, h.path("a-out.log")) }},
		"folder that is a link, by a glob": {"dir/*.log", func(h *home) error { return os.Symlink(private, h.path("a-out.log")) }},
	} {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, known: %t", name, known), func(t *testing.T) {
				require.NoError(t, os.MkdirAll(filepath.Dir(private), 0o755))
				for _, path := range []string{private, private + ".1"} {
					require.NoError(t, os.WriteFile(path, []byte(numbered("first", 1, 1)), 0o644))
				}
				h := newHome(t)
				h.include = []string{h.path("*.log"), h.path("in/*.log")}
				require.NoError(t, os.Mkdir(h.path("other"), 0o755))
				require.NoError(t, os.Symlink(private, h.path("other/link.log")))
				require.NoError(t, os.Symlink(filepath.Dir(private), h.path("dir")))
				require.NoError(t, c.link(h))
				want := ""
				if known {
					h.start()
					h.eventually(numbered("first", 1, 1))
					h.stop()
					want = numbered("first", 1, 1)
				}
				h.exclude = []string{c.exclude}
				if !filepath.IsAbs(c.exclude) {
					h.exclude = []string{h.path(c.exclude)}
				}
				for _, path := range []string{private, private + ".1"} {
					f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
					require.NoError(t, err)
					_, err = f.WriteString(numbered("private", 1, 1))
					require.NoError(t, err)
					require.NoError(t, f.Close())
				}
				h.start()
				h.write("x-out.log", numbered("x", 1, 1))
				h.eventually(want + numbered("x", 1, 1))
				h.neverGot("private")
				h.keepsNothingOf("private")
			})
		}
	}
}

// What is kept of an excluded file goes when the file does.
func TestExcluded_CheckpointGoesWithTheFile(t *testing.T) {
	h := newHome(t)
	h.write("a-out.log", numbered("a", 1, 1))
	h.write("b-out.log", numbered("b", 1, 1))
	h.start()
	h.eventually(numbered("a", 1, 1), numbered("b", 1, 1))
	h.stop()
	h.exclude = []string{h.path("b-out.log")}
	h.start()
	h.stop()
	assert.Contains(t, h.store.snapshot(), "stream:"+h.path("b-out.log"))
	require.NoError(t, os.Remove(h.path("b-out.log")))
	h.start()
	h.stop()
	assert.NotContains(t, h.store.snapshot(), "stream:"+h.path("b-out.log"))
	paths, _, err := checkpoint.NewStore(h.store).Paths(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{h.path("a-out.log")}, paths)
}

// A rotated copy of a file that is excluded, made while it was, is read from where the
// file was read when it is included again.
func TestExcluded_RotatedMeanwhile(t *testing.T) {
	h := newHome(t)
	h.write("b-out.log", numbered("b", 1, 200))
	h.start()
	h.eventually(numbered("b", 1, 200))
	h.stop()
	h.exclude = []string{h.path("b-*")}
	h.start()
	h.write("b-out.log", numbered("b", 201, 250))
	h.write("b-out__2026-11-21_00-00-00.log", numbered("b", 1, 250))
	require.NoError(t, os.Truncate(h.path("b-out.log"), 0))
	h.waitForPolls()
	h.stop()
	h.exclude = nil
	h.start()
	h.write("b-out.log", numbered("b", 251, 260))
	h.waitForPolls()
	h.advance(2 * time.Minute)
	h.eventually(numbered("b", 1, 260))
}
