// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

// Message is a message of PM2's in a line that has not ended.
type Message struct {
	// End is where it ends in Partial.
	End    int    `json:"end"`
	Time   int64  `json:"time,omitempty"`
	Offset int64  `json:"offset"`
	Date   string `json:"date,omitempty"`
}
