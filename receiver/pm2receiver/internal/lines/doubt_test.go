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
	got := feedBlocks(t, "ready\n2020-01-01T00:00:00: migration began\n", strings.Repeat("line\n", 1000))
	assert.Equal(t, 1, times(got), "a time alone among lines without")

	got = feedBlocks(t, "2020-01-01T00:00:00: began\n", strings.Repeat("line\n", 1000), strings.Repeat("line\n", 1000))
	assert.Equal(t, 1+maxFollowing, times(got), "PM2 no longer writes times")

	got = feedBlocks(t, "ready\n2020-01-01T00:00:00: a\n2020-01-01T00:00:00: b\nc\n")
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
