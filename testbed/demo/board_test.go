// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func boardTallies() tallies {
	return tallies{"tenant-a": {logs: 12345, points: 78, bySeverity: map[string]int{"error": 29, "": 11}, folder: "/data/tenant=tenant-a"}}
}

func TestBoard_AlignsTheTable(t *testing.T) {
	lines := table([]string{"tenant-a", "b"}, boardTallies())
	require.Len(t, lines, 3)
	for _, line := range lines {
		assert.Len(t, line, len(lines[0]), "the columns are not aligned")
	}
	assert.Equal(t, []string{"tenant-a", "12345", "0", "29", "0", "0", "0", "0", "11", "78", "0"}, strings.Fields(lines[1]))
	assert.Equal(t, []string{"b", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0"}, strings.Fields(lines[2]))
}

// A terminal that interprets the sequences shows only the last table.
func TestBoard_DrawsInPlaceOnATerminal(t *testing.T) {
	var out bytes.Buffer
	b := board{out: &out, terminal: true, now: time.Now}
	b.show([]string{"tenant-a"}, tallies{})
	b.show([]string{"tenant-a"}, boardTallies())
	assert.Equal(t, 1, strings.Count(out.String(), "\x1b[2A"), "moves up by the two lines of the first table")
	assert.Equal(t, 4, strings.Count(out.String(), "\n"))
	b.complete = true
	b.show([]string{"tenant-a"}, boardTallies())
	b.show([]string{"tenant-a"}, boardTallies())
	assert.Equal(t, 1, strings.Count(out.String(), "\x1b[3A"), "moves up by the lines of the table and the note")
	assert.Contains(t, out.String(), "All recorded lines are delivered.")
	b.summary([]string{"tenant-a", "b"}, boardTallies())
	assert.Contains(t, out.String(), "tenant-a  ../")
	assert.Contains(t, out.String(), "b  nothing has arrived")
}

func TestBoard_WritesPlainLinesWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	b := board{out: &out, now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }}
	counts := boardTallies()
	b.show([]string{"tenant-a", "b"}, counts)
	b.show([]string{"tenant-a", "b"}, counts)
	assert.Equal(t, "03:04:05  tenant-a  12345 logs  error 29  none 11  │ 78 metric points\n", out.String(), "no line while the counts do not change")
	assert.True(t, counts.have(map[string]int{"tenant-a": 12345}))
	assert.False(t, counts.have(map[string]int{"tenant-a": 12346}))
	assert.False(t, counts.have(map[string]int{"tenant-a": 1, "b": 1}))
	b.complete = true
	b.show([]string{"tenant-a", "b"}, counts)
	b.show([]string{"tenant-a", "b"}, counts)
	assert.Equal(t, 1, strings.Count(out.String(), "03:04:05  All recorded lines are delivered. \"none\" counts lines without a level.\n"))
	b.summary([]string{"tenant-a", "b"}, counts)
	assert.NotContains(t, out.String(), "\x1b")
}
