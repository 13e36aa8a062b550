// Package archive appends lines to files that are laid out for a data lake:
//
//	tenant=<id>/signal=<logs|metrics|traces>/date=YYYY-MM-DD/hour=HH/<n>.jsonl
//
// Lines are written unbuffered, so that a reader sees them when they are there: what
// is appended at a time in one piece up to 256 KiB, and block by block from there on,
// so that a reader has to wait for the line feed of a line. A line that a crash or a
// full disk cut short is removed when it is noticed, at the latest at the next start.
package archive
