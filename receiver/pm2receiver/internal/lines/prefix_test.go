// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
)

func TestPrefix_IsLearnedFromTheFile(t *testing.T) {
	second := time.Date(2026, 11, 21, 14, 8, 36, 0, time.UTC)
	for _, c := range []struct {
		format string // of fmt, for the second
		time   bool
	}{
		{"2026-11-21 14:08:%02d .735", true},
		{"20261121 14:08:%02d", true},
		{"2026-11-21 14:08:%02d:735", true},
		{"Saturday, November 21st 2026, 2:08:%02d pm", true},
		{"[2026-11-21 14:08:%02d]", true},
		{"14:08:%02d", false},
		{"Nov 21st, 14:08:%02d", false},
		{"21/11 14:08:%02d", false},
		{"2026-11-21 14h08m%02d", true},
		{"17952665%02d", true},
	} {
		m := newAssembler(State{})
		text := ""
		for i := range 4 {
			text += fmt.Sprintf(c.format, 36+i) + fmt.Sprintf(": line %d\n", i)
		}
		got := feed(m, text)
		assert.Equal(t, []string{"line 0", "line 1", "line 2", "line 3"}, texts(got), c.format)
		for i, l := range got {
			assert.Equal(t, c.time, l.Time != 0, c.format)
			assert.Equal(t, !c.time, l.Date != "", c.format)
			if c.time && c.format[0] != '1' {
				at := time.Unix(0, l.Time).UTC()
				assert.Equal(t, second.Add(time.Duration(i)*time.Second), at.Truncate(time.Second), c.format)
			}
		}
	}
}

func TestPrefix_IsLearnedBeforeJSONAtOnceAndLineByLineLater(t *testing.T) {
	m := newAssembler(State{})
	got := feed(m, "14:08:36: {\"level\":30}\n")
	assert.Equal(t, []string{`{"level":30}`}, texts(got))
	// What is learned later shows what the lines before were, wherever blocks end.
	text := "14:08:30: line\n14:08:31: line\n14:08:32: line\n14:08:33: line\n"
	for _, size := range []int{1, 20, 1 << 20} {
		got := feedSizes(newAssembler(State{}), text, size)
		assert.Equal(t, []string{"line", "line", "line", "line"}, texts(got))
		for i, l := range got {
			assert.Equal(t, fmt.Sprintf("14:08:3%d", i), l.Date)
			assert.Equal(t, int64(i*len("14:08:30: line\n")), l.Offset)
		}
	}
}

func TestPrefix_LinesWaitUntilItIsKnownWhatTheirDatesAre(t *testing.T) {
	for name, next := range map[string]string{
		"text": "text\n", "indented": "    at f\n", "object": "{\"level\":30}\n", "other date": "Nov 21 14:08:36: x\n", "known date": "2026-11-21T14:08:36: x\n", "empty": "\n", "record": record("x\n", 0, "out"),
	} {
		m := newAssembler(State{})
		assert.Empty(t, feed(m, "14:08:30: one\n14:08:31: two\n"), name)
		assert.True(t, m.Pending())
		assert.Equal(t, len("14:08:30: one14:08:31: two"), m.Held())
		got := feedSizes(m, next+"14:08:32: three\n", 1)
		assert.Equal(t, []string{"14:08:30: one", "14:08:31: two"}, texts(got[:2]), name)
		assert.Equal(t, "14:08:32: three", string(got[3].Text), "%s: three must be in a row", name)
	}
	// Nothing follows for a while: they are what they look like, but they count.
	m := newAssembler(State{})
	var got []Line
	yield := func(l *Line) { got = append(got, *l) }
	for i := range 3 {
		got = append(got, feed(m, fmt.Sprintf("14:08:3%d: line\n", i))...)
		m.DecideBefore(clock, arena.New(0), yield)
		assert.True(t, i == 2 || len(got) == i, "too early")
		m.DecideBefore(clock.Add(time.Second), arena.New(0), yield)
		m = newAssembler(m.State())
	}
	assert.Equal(t, []string{"14:08:30: line", "14:08:31: line", "line"}, texts(got))
}

func TestPrefix_TakesNothingElseForADate(t *testing.T) {
	for _, line := range []string{
		"worker 1: started", "10: ten", "GET /a 200: ok", "127.0.0.1:3000: x", "src/a.js:12:5: error", "v1.2.3: released", "step 3/5: build", "14:08:36 worker: x",
		"[api] 12: x", "2026: a year", "chapter 12: x", "node:internal/a:12: x", "1.2.3.4: x",
	} {
		m := newAssembler(State{})
		got := feed(m, line+"\n"+line+"\n"+line+"\n"+line+"\n")
		assert.Equal(t, []string{line, line, line, line}, texts(got))
	}
}

func TestPrefix_OldDateIsNotThatOfLaterLines(t *testing.T) {
	m := newAssembler(State{})
	feed(m, "2026-11-21T14:08:36: one\n2026-11-21T14:08:37: two\n")
	var got []Line
	m.Feed([]byte("later\n"), 1, 100, clock.Add(4*time.Second), arena.New(0), func(l *Line) { got = append(got, *l) })
	assert.Zero(t, got[0].Time)
	// In fork mode each line has one, continuation lines too.
	m = newAssembler(State{})
	got = feed(m, "2026-11-21T14:08:36: Error: x\n2026-11-21T14:08:36:     at a\n2026-11-21T14:08:36:     at b\nundated\n")
	assert.Zero(t, got[3].Time)
	// An object is no continuation.
	m = newAssembler(State{})
	got = feed(m, "2026-11-21T14:08:36: one\n{\"level\":30}\n")
	assert.Zero(t, got[1].Time)
}

func TestMode_FollowsTheFile(t *testing.T) {
	m := newAssembler(State{})
	got := feed(m, record("as record\n", 3, "out")+"2026-11-21T14:08:37: as text\nplain\n"+record("as record again\n", 3, "out")+"Error: raw\n")
	assert.Equal(t, []string{"as record", "as text", "plain", "as record again", "Error: raw"}, texts(got))
	assert.Equal(t, []bool{false, false, false, false, true}, []bool{got[0].Raw, got[1].Raw, got[2].Raw, got[3].Raw, got[4].Raw})
	assert.Equal(t, []int64{3, 7, 7, 3, envelope.NoProcess}, []int64{got[0].ProcessID, got[1].ProcessID, got[2].ProcessID, got[3].ProcessID, got[4].ProcessID})
	assert.Equal(t, "file-name", got[1].App, "one record names no other line")
	// Without dates it is text after many lines.
	long := record("as record\n", 3, "out")
	for range textAfter + 2 {
		long += "text\n"
	}
	got = feed(newAssembler(State{}), long)
	assert.True(t, got[1].Raw)
	assert.False(t, got[len(got)-1].Raw)
}

func TestRecords_EachMessageWithoutNewlineIsALineWithItsTime(t *testing.T) {
	at := func(text string, second int) string {
		return fmt.Sprintf(`{"message":%q,"timestamp":"2026-11-21T02:08:%02dZ","type":"out","process_id":0,"app_name":"shop"}`+"\n", text, second)
	}
	flush := func(m *Assembler, got []Line) []Line {
		m.FlushBefore(clock.Add(time.Hour), arena.New(0), func(l *Line) { got = append(got, *l) })
		return got
	}
	for name, text := range map[string]string{
		"objects": at(`{"a":1}`, 1) + at(`{"a":2}`, 2), "words": at("one", 1) + at("two", 2),
		"runtime": `{"timestamp":"2026-11-21T02:08:00Z","type":"process_event","status":"online","app_name":"shop"}` + "\n" + at("one", 1) + at("two", 2),
	} {
		m := newAssembler(State{})
		got := flush(m, feed(m, text))
		last := got[len(got)-2:]
		assert.Equal(t, int64(1), (last[1].Time-last[0].Time)/1e9, name)
		assert.NotEqual(t, last[0].Offset, last[1].Offset, name)
	}
}

func TestAssembler_ReadsARecordBehindAByteOrderMark(t *testing.T) {
	got := feed(newAssembler(State{}), "\xef\xbb\xbf"+record("one\n", 3, "out"))
	assert.Equal(t, []string{"one"}, texts(got))
}

// Nothing is lost or put in another place, and the lines do not depend on where blocks end.
func FuzzPrefix_LosesNothing(f *testing.F) {
	f.Add("14:08:36: one\n14:08:37: two\n14:08:38: three\n")
	f.Add("Nov 21st: a\nNov 22nd: b\nNov 23rd: {}\n")
	f.Fuzz(func(t *testing.T, text string) {
		whole := feedSizes(newAssembler(State{}), text, 1<<20)
		at := int64(-1)
		for _, l := range whole {
			if l.Time == 0 && l.Date == "" && l.Part == 0 && !l.Repaired && len(l.Text) > len(text) {
				t.Fatalf("%q", l.Text)
			}
			if l.Slot == RawSlot && l.Offset < at {
				t.Fatalf("the line at %d comes behind that at %d", l.Offset, at)
			}
			at = max(at, l.Offset)
		}
		if single := feedSizes(newAssembler(State{}), text, 1); !assert.ObjectsAreEqual(fmt.Sprint(whole), fmt.Sprint(single)) {
			t.Fatalf("blocks of one line:\n%v\none block:\n%v", single, whole)
		}
	})
}
