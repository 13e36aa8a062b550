// Package archive appends lines to files that are laid out for a data lake:
//
//	tenant=<id>/signal=<logs|metrics|traces>/date=YYYY-MM-DD/hour=HH/<n>.jsonl
//
// Lines are written whole, at once and unbuffered, so that a reader sees them
// when they are there. A line that a crash or a full disk cut short is removed
// when it is noticed, at the latest at the next start.
package archive
