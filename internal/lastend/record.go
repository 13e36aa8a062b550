// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lastend

import (
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"strings"
)

// recordSize is the size of the record's file. The file is overwritten in place, because a
// full disk has no space for a second one.
const recordSize = 512

// state is how far a process has come.
type state string

const (
	stateStarted state = "started"
	stateHealthy state = "healthy" // it has run for some time
	stateClean   state = "clean"   // it was shut down
)

// record is what a process stores for the next one.
type record struct {
	State  state  `json:"state"`
	Boot   string `json:"boot"`   // ID of the boot of the system
	Kills  int64  `json:"kills"`  // processes that the kernel has killed for memory since its boot; -1: unknown
	Faults int    `json:"faults"` // consecutive faults, each soon after a start
}

// write writes r to the file: a line of JSON, spaces, and the checksum of both.
func (r *record) write(f *os.File) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b := make([]byte, recordSize)
	for i := range b {
		b[i] = ' '
	}
	copy(b, line)
	b[len(line)] = '\n'
	copy(b[recordSize-9:], hexSum(b[:recordSize-9]))
	b[recordSize-1] = '\n'
	if _, err := f.WriteAt(b, 0); err != nil {
		return err
	}
	return f.Sync()
}

// read reports false if there is no record, or an incomplete one.
func read(f *os.File) (r record, ok bool) {
	b := make([]byte, recordSize)
	if n, err := f.ReadAt(b, 0); n < recordSize || err != nil && !errors.Is(err, io.EOF) {
		return record{}, false
	}
	if string(b[recordSize-9:recordSize-1]) != hexSum(b[:recordSize-9]) {
		return record{}, false
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return r, json.Unmarshal([]byte(line), &r) == nil
}

func hexSum(b []byte) string {
	s := strconv.FormatUint(uint64(crc32.ChecksumIEEE(b)), 16)
	return strings.Repeat("0", 8-len(s)) + s
}

// system is where the operating system provides its counters.
type system struct {
	vmstat, bootID string // files
}

func linux() system {
	return system{vmstat: "/proc/vmstat", bootID: "/proc/sys/kernel/random/boot_id"}
}

// kills returns how many processes the kernel has killed because memory was exhausted since
// its boot, in any control group, and the ID of that boot.
func (s system) kills() (boot string, n int64) {
	id, err := os.ReadFile(s.bootID)
	if err != nil {
		return "", -1
	}
	stat, err := os.ReadFile(s.vmstat)
	if err != nil {
		return "", -1
	}
	for line := range strings.Lines(string(stat)) {
		if value, ok := strings.CutPrefix(line, "oom_kill "); ok {
			if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
				return strings.TrimSpace(string(id)), n
			}
		}
	}
	return "", -1
}
