// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package rotation decides what has happened to a log file, and what a file is that appears
// next to it. Each decision is a pure function of what was observed: it reads no file and no
// clock.
//
// A log is followed through a rename (logrotate), a copy followed by a truncation
// (pm2-logrotate, logrotate's copytruncate), a truncation alone (pm2 flush), a compression of
// the copy, and a move by hand. Four questions arise, in this order:
//
//   - [Path]: is the file at the path still the one that is open?
//   - [Opened]: if it is another one, has it been read under another name?
//   - [Content]: does an open file still hold what was read from it, and is there more?
//   - [Copy]: does a file next to it, with the name of a rotated copy, hold anything that was
//     not read?
//
// The tests have the tables of all four.
package rotation
