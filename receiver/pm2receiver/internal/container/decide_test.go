// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

// written is a record as the tests of the decision see it.
type written struct{ body, stream string }

func recordsOf(all []plog.Logs) (got []written) {
	for _, logs := range all {
		for _, rl := range logs.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					stream, _ := r.Attributes().Get("log.iostream")
					got = append(got, written{r.Body().AsString(), stream.Str()})
				}
			}
		}
	}
	return got
}

// Whatever the first line of a container's log is, its entries are read.
func TestDecide_ByMoreThanTheFirstLine(t *testing.T) {
	for name, wrap := range wraps {
		entries, want := "", []written{}
		for i := range 8 {
			entries += wrap(fmt.Sprintf("line %d", i), i%2 == 1, clock, nil)
			want = append(want, written{fmt.Sprintf("line %d", i), streamName(i%2 == 1)})
		}
		for first, lost := range map[string]int{
			"": 0, "\n": 0, "\n \n": 0, "\x00\x00\x00": 0, "x\n": 2, "x\ny\n": 2, `{"level":30}` + "\n": 2, strings.Repeat("\x00", 4096): 0,
		} {
			for _, size := range []int{1 << 20, 1} {
				all, _ := run(t, func(s decode.State) Inner { return New(settings(Auto), s) }, first+entries, size)
				got := recordsOf(all)
				read := map[written]bool{}
				for _, r := range got {
					read[r] = true
				}
				missing := 0
				for _, w := range want {
					if !read[w] {
						missing++
					}
				}
				want := lost // which were read before it was known
				if size == 1<<20 {
					want = 0
				}
				assert.Equal(t, want, missing, "%s behind %q in blocks of %d: %v", name, first[:min(len(first), 9)], size, got)
			}
		}
	}
}

// A file that is not a container's log stays one, whatever single lines of it look like.
func TestDecide_NotByOneLine(t *testing.T) {
	entry := docker("inner", true, clock, nil)
	text := "first\n" + entry + "second\n" + entry + entry + "third\n"
	for _, size := range []int{1 << 20, 1} {
		all, _ := run(t, func(s decode.State) Inner { return New(settings(Auto), s) }, text, size)
		assert.NotContains(t, recordsOf(all), written{"inner", "stderr"}, size)
		assert.Len(t, recordsOf(all), 6)
	}
}

// What replaces a file is what its own lines say.
func TestDecide_AgainWhereTheContentIsNew(t *testing.T) {
	entry := docker("inner", true, clock, nil)
	for name, c := range map[string]struct {
		first, second string
		want          []written
	}{
		"text, then a container": {"one\ntwo\n", entry, []written{{"one", "stdout"}, {"two", "stdout"}, {"inner", "stderr"}}},
		"a container, then text": {entry, "one\ntwo\n", []written{{"inner", "stderr"}, {"one", "stdout"}, {"two", "stdout"}}},
	} {
		t.Run(name, func(t *testing.T) {
			d := New(settings(Auto), decode.State{})
			var all []plog.Logs
			for i, text := range []string{c.first, c.second} {
				logs, _ := d.Decode([]byte(text), decode.Source{ID: uint64(i + 1), Name: "x"}, 0, clock, nil)
				all = append(all, logs)
				d = New(settings(Auto), d.State())
			}
			logs, _ := d.Flush(decode.Source{ID: 2, Name: "x"}, clock.Add(time.Hour), true)
			assert.ElementsMatch(t, c.want, recordsOf(append(all, logs)))
			assert.False(t, d.Pending())
		})
	}
	// The rest of the same file, and what follows it at another place, are no new content.
	d := New(settings(Auto), decode.State{})
	d.Decode([]byte(entry), decode.Source{ID: 1, Name: "x"}, 0, clock, nil)
	d.Decode([]byte("text\n"), decode.Source{ID: 2, Name: "x"}, 100, clock, nil)
	assert.Equal(t, decode.IsContainer, d.State().Container.Mode)
}
