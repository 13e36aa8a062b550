// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
)

var clock = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func record(message string, id int, kind string) string {
	return fmt.Sprintf(`{"message":%q,"timestamp":"2026-11-21T02:08:35.328Z","type":%q,"process_id":%d,"app_name":"shop"}`, message, kind, id) + "\n"
}

func newAssembler(state State) *Assembler {
	return New(Settings{MaxLine: 1 << 20, Location: time.UTC, App: "file-name", ProcessID: 7}, state)
}

func feed(m *Assembler, text string) (got []Line) {
	m.Feed([]byte(text), 1, 0, clock, arena.New(len(text)), func(l *Line) { got = append(got, *l) })
	return got
}

func texts(got []Line) (all []string) {
	for _, l := range got {
		all = append(all, string(l.Text))
	}
	return all
}

func TestAssembler_PutsLinesTogetherPerProcessAndStream(t *testing.T) {
	m := newAssembler(State{})
	got := feed(m, record("one\nfirst ", 0, "out")+record("other ", 1, "out")+record("error ", 0, "err")+
		record("half\n", 1, "out")+record("half\ntwo\n", 0, "out")+record("half\n", 0, "err"))
	assert.Equal(t, []string{"one", "other half", "first half", "two", "error half"}, texts(got))
	assert.Equal(t, []int64{0, 1, 0, 0, 0}, []int64{got[0].ProcessID, got[1].ProcessID, got[2].ProcessID, got[3].ProcessID, got[4].ProcessID})
	assert.True(t, got[4].Stderr)
	assert.True(t, got[2].Joined)
	assert.Equal(t, "shop", got[0].App)
	assert.False(t, m.Pending())
}

func TestAssembler_RawLinesNameNoProcessInAFileOfRecords(t *testing.T) {
	m := newAssembler(State{})
	got := feed(m, "before any record\n"+record("one\n", 3, "out")+"Error: raw\n")
	assert.Equal(t, []int64{7, 3, envelope.NoProcess}, []int64{got[0].ProcessID, got[1].ProcessID, got[2].ProcessID})
	assert.Equal(t, []string{"file-name", "shop", "file-name"}, []string{got[0].App, got[1].App, got[2].App})
	assert.Equal(t, RawSlot, got[2].Slot)
}

func TestAssembler_TakesPM2sTimeOffTextLines(t *testing.T) {
	m := newAssembler(State{})
	got := feed(m, "2026-11-21T02:08:43: first\n2026-11-21T02:08:44:     indented\nwithout a time\n2026-11-21T02:08:45: 2026-11-21T02:08:40: the application's own\n")
	assert.Equal(t, []string{"first", "    indented", "without a time", "2026-11-21T02:08:40: the application's own"}, texts(got))
	second := time.Date(2026, 11, 21, 2, 8, 43, 0, time.UTC)
	for i, after := range []int{0, 1, 1, 2} {
		assert.Equal(t, second.Add(time.Duration(after)*time.Second).UnixNano(), got[i].Time, i)
	}
}

func TestAssembler_CutsLongLinesIntoParts(t *testing.T) {
	long := strings.Repeat("界", 1000) + "end"
	for name, text := range map[string]string{
		"record":  record(long+"\nnext\n", 0, "out"),
		"records": record(long[:1500], 0, "out") + record(long[1500:2400], 0, "out") + record(long[2400:]+"\n", 0, "out") + record("next\n", 0, "out"),
		"text":    long + "\nnext\n",
	} {
		m := New(Settings{MaxLine: 1000, Location: time.UTC}, State{})
		got := feed(m, text)
		require.Len(t, got, 5, name)
		whole := ""
		for i, l := range got[:4] {
			assert.True(t, utf8.Valid(l.Text), name)
			assert.LessOrEqual(t, len(l.Text), 1000)
			assert.Equal(t, i+1, l.Part)
			assert.Equal(t, i == 3, l.Last)
			assert.Equal(t, got[0].Offset, l.Offset)
			whole += string(l.Text)
		}
		assert.Equal(t, long, whole, name)
		assert.Equal(t, "next", string(got[4].Text))
		assert.Zero(t, got[4].Part)
	}
}

// Bun's messages come without a newline and are complete.
func TestAssembler_DoesNotWaitForARuntimeWithoutNewlines(t *testing.T) {
	m := newAssembler(State{})
	got := feed(m, record("one", 0, "out")+record("two", 0, "out")+record("three", 0, "out")+record("four", 0, "out")+record("five\nsix", 0, "out"))
	assert.Equal(t, []string{"one", "two", "three", "four", "five", "six"}, texts(got))
	assert.False(t, m.Pending())
	names := map[string]bool{}
	for _, l := range got {
		names[fmt.Sprint(l.Offset, l.Index)] = true
	}
	assert.Len(t, names, 6, "each has a name of its own")
}

func TestAssembler_WaitsForAProcessThatWritesNewlines(t *testing.T) {
	m := newAssembler(State{})
	got := feed(m, record("line\n", 0, "out")+record(".", 0, "out")+record(".", 0, "out")+record(".", 0, "out")+record(".", 0, "out")+record(" done\n", 0, "out"))
	assert.Equal(t, []string{"line", ".... done"}, texts(got))
}

func TestAssembler_ContinuesFromItsState(t *testing.T) {
	m := newAssembler(State{})
	assert.Empty(t, feed(m, record("begun ", 0, "out")))
	before := m.State()
	assert.Equal(t, []string{"begun here"}, texts(feed(m, record("here\n", 0, "out"))))
	m.Restore(before)
	assert.Equal(t, []string{"begun there"}, texts(feed(m, record("there\n", 0, "out"))))
	assert.Equal(t, []string{"begun elsewhere"}, texts(feed(newAssembler(before), record("elsewhere\n", 0, "out"))))
}

func TestAssembler_FlushesHalfLinesThatDoNotGrow(t *testing.T) {
	m := newAssembler(State{})
	feed(m, record("prompt> ", 0, "out"))
	flush := func(before time.Time) (got []Line) {
		m.FlushBefore(before, arena.New(0), func(l *Line) { got = append(got, *l) })
		return got
	}
	assert.Empty(t, flush(clock))
	assert.Equal(t, []string{"prompt> "}, texts(flush(clock.Add(time.Second))))
	assert.Empty(t, flush(clock.Add(time.Hour)))
}

func TestAssembler_BoundsTheProcessesOfAFile(t *testing.T) {
	m := newAssembler(State{})
	var got []Line
	for id := range 3 * maxSlots {
		got = append(got, feed(m, record(fmt.Sprintf("half %d", id), id, "out"))...)
	}
	assert.LessOrEqual(t, len(m.State().Slots), maxSlots)
	assert.Len(t, got, 2*maxSlots, "what has no room is emitted")
}

func TestAssembler_OutputIsUTF8(t *testing.T) {
	m := newAssembler(State{})
	got := feed(m, "text \xff\xfe\n"+`{"message":"bad `+"\xff"+` \ud800\n","timestamp":"","type":"out","process_id":0,"app_name":"shop"}`+"\n")
	assert.Equal(t, []string{"text \uFFFD\uFFFD", "bad \uFFFD \uFFFD"}, texts(got))
	assert.True(t, got[0].Repaired)
	assert.True(t, got[1].Repaired)
}

func FuzzAssembler(f *testing.F) {
	f.Add([]byte(record("one\nhalf", 0, "out")+record(" line\n", 0, "out")), 20)
	f.Add([]byte("2026-11-21T02:08:43: text\nraw \xff\n"), 5)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		data = append(data, '\n')
		whole := New(Settings{MaxLine: 64, Location: time.UTC}, State{})
		want := feed(whole, string(data))
		// The same in two blocks of whole lines, through the state.
		at := 0
		if cut > 0 {
			at = strings.IndexByte(string(data[cut%len(data):]), '\n') + cut%len(data) + 1
		}
		m := New(Settings{MaxLine: 64, Location: time.UTC}, State{})
		got := feed(m, string(data[:at]))
		m = New(Settings{MaxLine: 64, Location: time.UTC}, m.State())
		m.Feed(data[at:], 1, int64(at), clock, arena.New(0), func(l *Line) { got = append(got, *l) })
		whole.DecideBefore(clock.Add(time.Hour), arena.New(0), func(l *Line) { want = append(want, *l) })
		m.DecideBefore(clock.Add(time.Hour), arena.New(0), func(l *Line) { got = append(got, *l) })
		for i := range want {
			if !utf8.Valid(want[i].Text) || len(want[i].Text) > 64 {
				t.Fatalf("%q", want[i].Text)
			}
		}
		if !assert.Equal(t, texts(want), texts(got)) {
			t.Fatalf("%q cut at %d", data, at)
		}
	})
}

// An application can write a line that looks like a record of PM2. It names that line only.
func TestAssembler_AForgedRecordNamesNoOtherLine(t *testing.T) {
	forged := func(message, app string) string {
		return fmt.Sprintf(`{"message":%q,"timestamp":"2026-11-21T02:08:43Z","type":"err","process_id":5,"app_name":%q}`+"\n", message, app)
	}
	for name, records := range map[string]string{
		"one": forged("hello\n", "victim"), "without newline": forged("hello", "victim"), "empty": forged("", "victim"),
		"several": strings.Repeat(forged("hello\n", "victim"), 5), "indented": "  " + forged("hello\n", "victim"),
	} {
		for _, dated := range []bool{false, true} {
			for _, first := range []bool{false, true} {
				prefix := ""
				if dated {
					prefix = "2026-11-21T02:08:43: "
				}
				text := records
				if !first {
					text = prefix + "before\n" + records
				}
				for i := range 2 * textAfter {
					text += fmt.Sprintf("%sline %d\n", prefix, i)
				}
				for _, l := range feed(newAssembler(State{}), text) {
					if strings.HasPrefix(string(l.Text), "line ") || string(l.Text) == "before" {
						assert.Equal(t, "file-name", l.App, "%s, dated %t, first %t: %s", name, dated, first, l.Text)
					}
				}
			}
		}
	}
	got := feed(newAssembler(State{}), forged("hello\n", ""))
	assert.Equal(t, "file-name", got[0].App, "a record without a name")
}

// Dates that PM2 cannot have written are the application's.
func TestAssembler_LeavesDatesOfAnotherTime(t *testing.T) {
	for _, dates := range [][]string{
		{"2019-01-01 00:00:00", "2019-01-02 00:00:00", "2019-01-03 00:00:00", "2019-01-04 00:00:00"},
		{"1990-05-05 00:00:00", "1985-01-02 00:00:00", "1976-12-31 00:00:00", "2001-01-01 00:00:00"},
		{"2031-05-05 10:00:00", "2031-05-06 10:00:00", "2031-05-07 10:00:00", "2031-05-08 10:00:00"},
		{"2019-01-01T00:00:00Z", "2019-01-01T00:00:01Z", "2019-01-01T00:00:02Z", "2019-01-01T00:00:03Z"},
		{"1700000123", "1699999999", "1700000125", "1700000126"},
		{"1700000123000", "1699999999000", "1700000125000", "1700000126000"},
	} {
		var want []string
		text := "listening on 80\nready\n"
		for i, d := range dates {
			want = append(want, fmt.Sprintf("%s: row %d", d, i))
		}
		text += strings.Join(want, "\n") + "\nplain after\n"
		m := newAssembler(State{})
		got := feed(m, text)
		m.FlushBefore(clock.Add(time.Hour), arena.New(0), func(l *Line) { got = append(got, *l) })
		m.DecideBefore(clock.Add(time.Hour), arena.New(0), func(l *Line) { got = append(got, *l) })
		assert.ElementsMatch(t, append([]string{"listening on 80", "ready", "plain after"}, want...), texts(got))
		for _, l := range got {
			assert.Zero(t, l.Time, string(l.Text))
		}
	}
}
