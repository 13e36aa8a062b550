// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"bytes"
	"unicode/utf8"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// listEnd ends the list of a text that ended with a newline.
var listEnd = []byte(",10")

// unlist returns the text of a message that PM2 made a list of numbers of, as it does
// in cluster mode with a Uint8Array that is no Buffer: "104,105,10" for "hi\n". A
// message that is not just that is returned as it is, and so is a list that does not
// end a line, or not make a text: an application may well write numbers.
func unlist(message []byte, a *arena.Arena) []byte {
	if !bytes.HasSuffix(message, listEnd) {
		return message
	}
	text := a.Reserve(len(message))
	value, digits := 0, 0
	for i := 0; i <= len(message); i++ {
		switch {
		case i < len(message) && '0' <= message[i] && message[i] <= '9':
			if digits > 0 && value == 0 {
				return message
			}
			value, digits = value*10+int(message[i]-'0'), digits+1
			if value > 255 {
				return message
			}
		case (i == len(message) || message[i] == ',') && digits > 0 && printed(value):
			text = append(text, byte(value))
			value, digits = 0, 0
		default:
			return message
		}
	}
	if len(text) < 2 || !utf8.Valid(text) {
		return message
	}
	return a.Keep(text)
}

// printed reports whether a byte occurs in printed text.
func printed(b int) bool {
	return b >= ' ' && b != 0x7f || b == '\n' || b == '\t' || b == '\r' || b == 0x1b
}
