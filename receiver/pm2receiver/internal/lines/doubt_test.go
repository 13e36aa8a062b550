// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// feed gives blocks to an assembler that goes through its checkpoint between them.
func feedBlocks(t *testing.T, blocks ...string) (got []Line) {
	set := Settings{MaxLine: 1 << 20, Location: time.UTC, App: "app", ProcessID: -1}
	m, offset := New(set, State{}), int64(0)
	for _, block := range blocks {
		m.Feed([]byte(block), 1, offset, time.Unix(1700000000, 0), new(arena.Arena), func(l *Line) { got = append(got, *l) })
		offset += int64(len(block))
		data, err := json.Marshal(m.State())
		require.NoError(t, err)
		var state State
		require.NoError(t, json.Unmarshal(data, &state))
		m = New(set, state)
	}
	return got
}

func message(text string) string {
	data, _ := json.Marshal(text)
	return fmt.Sprintf(`{"message":%s,"timestamp":"2026-11-21T02:08:36.735Z","type":"out","process_id":0,"app_name":"app"}`+"\n", data)
}

func times(got []Line) (n int) {
	for _, l := range got {
		if l.Time != 0 {
			n++
		}
	}
	return n
}

func TestText_LinesOfAWriteTakeTheTimeBeforeThem(t *testing.T) {
	got := feedBlocks(t, "2026-11-21T02:08:36: Error: x\n    at y\n", "    at z\n")
	assert.Equal(t, []string{"Error: x", "    at y", "    at z"}, texts(got))
	assert.Equal(t, 3, times(got))
}

func TestText_ATimeOfTheApplicationIsNotThatOfAllThatFollows(t *testing.T) {
	got := feedBlocks(t, "ready\n2023-11-14T10:00:00: migration began\n", strings.Repeat("line\n", 1000))
	assert.Equal(t, 1, times(got), "a time alone among lines without")

	got = feedBlocks(t, "2023-11-14T10:00:00: began\n", strings.Repeat("line\n", 1000), strings.Repeat("line\n", 1000))
	assert.Equal(t, 1+maxFollowing/plainWeight, times(got), "PM2 no longer writes times")

	got = feedBlocks(t, "2023-11-14T10:00:00: began\n", strings.Repeat("    line\n", 1000))
	assert.Equal(t, 1+maxFollowing, times(got), "no write has so many lines")

	got = feedBlocks(t, "2023-11-14T10:00:00: one\n2023-11-14T10:00:00: two\n"+strings.Repeat("line\n", 1000))
	assert.Equal(t, 2+maxFollowing/plainWeight, times(got), "in one read")

	m := New(Settings{MaxLine: 1 << 20, Location: time.UTC, DatesEachLine: true}, State{})
	assert.Equal(t, 2, times(feed(m, "2023-11-14T10:00:00: one\n2023-11-14T10:00:00: two\nthree\n    four\n{\n}\n")), "in fork mode")

	got = feedBlocks(t, "ready\n2023-11-14T10:00:00: a\n2023-11-14T10:00:00: b\nc\n")
	assert.Equal(t, 3, times(got), "PM2 writes times")
}

func TestRecords_MessagesWithoutNewlineAreLinesOfARuntimeThatWritesNone(t *testing.T) {
	got := feedBlocks(t, message("a"), message("b"), message("c"), message("d"), message("e\nf"))
	assert.Equal(t, []string{"a", "b", "c", "d", "e", "f"}, texts(got))
}

func TestRecords_ProcessThatBeginsWithDotsIsReadRightAfterAWhile(t *testing.T) {
	dots := []string{message("."), message("."), message("."), message(" done\n"), message("a\n"), message("b\n")}
	got := feedBlocks(t, append(dots, message("one "), message("line\n"), message("."), message("."), message("."), message("!\n"))...)
	assert.Equal(t, []string{".", ".", ".", " done", "a", "b", "one line", "...!"}, texts(got))
}

// timed is a record of PM2's at a second.
func timed(app, text string, second int) string {
	data, _ := json.Marshal(text)
	return fmt.Sprintf(`{"message":%s,"timestamp":"2026-11-21T02:08:%02dZ","type":"out","process_id":0,"app_name":%q}`+"\n", data, second, app)
}

// A newline at the beginning, or of another application, does not make all messages that
// follow pieces of one line.
func TestRecords_ANewlineOnceJoinsNotAllThatFollows(t *testing.T) {
	words := func(first string, from, step int) (text string, want []string, seconds []int) {
		text, want, seconds = timed("a", first+"\n", 0), []string{first}, []int{0}
		for i := range 8 {
			message := fmt.Sprintf("message %d", i+1)
			text += timed("a", message, from+i*step)
			want, seconds = append(want, message), append(seconds, from+i*step)
		}
		return text, want, seconds
	}
	for _, step := range []int{1, 2, 3, 5, 6} {
		text, want, seconds := words("Server starting", step, step)
		for _, size := range []int{1, 1 << 20} {
			got := feedSizes(newAssembler(State{}), text, size)
			require.Equal(t, want, texts(got), "%d seconds apart", step)
			for i, l := range got {
				assert.Equal(t, int64(seconds[i]), l.Time/1e9%60, "%d seconds apart", step)
				assert.Equal(t, l.Offset, l.Record, "it ends in its own record")
			}
		}
	}
	text := timed("a", "hello\n", 0)
	want := []string{"hello"}
	for i := range 7 {
		text += timed("b", fmt.Sprintf("message %d", i), 1)
		want = append(want, fmt.Sprintf("message %d", i))
	}
	got := feedSizes(newAssembler(State{}), text, 1)
	assert.Equal(t, want, texts(got), "another application with the same number")
	assert.Equal(t, "b", got[1].App)
}

// A line that comes in pieces stays one: at one time, as dots, or now and then.
func TestRecords_PiecesOfALineStayTogether(t *testing.T) {
	text := timed("a", "line\n", 0)
	for second := range 6 {
		text += timed("a", ".", second)
	}
	text += timed("a", " done\n", 6) + timed("a", "loading ", 10) + timed("a", "took 3s\n", 13) + timed("a", "a", 20) + timed("a", "b", 20) + timed("a", "c", 20) + timed("a", "d\n", 20)
	text += timed("a", "half ", 30) + timed("a", "a line\n", 36)
	for _, size := range []int{1, 1 << 20} {
		assert.Equal(t, []string{"line", "...... done", "loading took 3s", "abcd", "half ", "a line"}, texts(feedSizes(newAssembler(State{}), text, size)))
	}
}

// What was taken for messages without newline may be pieces after all.
func TestRecords_NewlinesAreBelievedAgain(t *testing.T) {
	text := timed("a", "first\n", 0)
	for i := range 4 {
		text += timed("a", fmt.Sprintf("message %d", i), 2*i+2)
	}
	for i := range 20 {
		text += timed("a", fmt.Sprintf("line %d\n", i), 20)
	}
	got := feedSizes(newAssembler(State{}), text+timed("a", "one ", 21)+timed("a", "line\n", 21), 1)
	assert.Equal(t, "one line", string(got[len(got)-1].Text))
}
