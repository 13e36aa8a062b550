// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package archive appends lines to files in the folder layout of a data lake:
//
//	tenant=<id>/signal=<logs|metrics|traces>/date=YYYY-MM-DD/hour=HH/<n>.jsonl
//
// Lines are not buffered, so that readers see them at once. The lines of one call are one write up to
// 256 KiB, and several writes above, so that a reader has to wait for the line feed of a line. An
// incomplete line that a crash or a full disk left is removed, at the latest at the next start.
package archive
