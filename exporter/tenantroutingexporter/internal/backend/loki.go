// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"regexp"
	"strconv"
	"strings"
)

// Messages of Loki about one rejected log record, with the stream in quotes. A message about a stream, such as
// too many labels, concerns an unknown number of records.
var lokiEntry = regexp.MustCompile(`(?is)^(?:` + strings.Join([]string{
	`max entry size '?\d+'? bytes exceeded for stream '.*' while adding an entry with length '?\d+'? bytes`,
	`entry for stream '.*' has timestamp too old: [^;]*`,
	`entry for stream '.*' has timestamp too new: [^;]*`,
	`stream '.*' includes structured metadata, but this feature is disallowed\..*`,
	`stream '.*' has structured metadata too large: '\d+' bytes, limit: '\d+' bytes\..*`,
	`stream '.*' has too many structured metadata labels: '\d+', limit: '\d+'\..*`,
}, "|") + `)$`)

var (
	lokiGroup = regexp.MustCompile(`^(\d+) errors like: `)
	lokiTotal = regexp.MustCompile(`(?s)^entry with timestamp .* total ignored: (\d+) out of (\d+) for stream: \{[^{}]*\}$`)
)

// lokiRejections returns how many log records Loki rejects, or 0 if its message does not state the number for
// certain. Loki stores the others.
//
// The distributor lists its errors with their numbers. An ingester counts rejected records of the last stream
// of a request only, which is the number if the request has one stream.
func lokiRejections(message string, records int) int {
	if m := lokiTotal.FindStringSubmatch(message); m != nil {
		rejected, err := strconv.Atoi(m[1])
		total, terr := strconv.Atoi(m[2])
		if err != nil || terr != nil || total != records || rejected > records {
			return 0
		}
		return rejected
	}
	if lokiEntry.MatchString(message) {
		return 1
	}
	sum := 0
	for rest := message; rest != ""; {
		m := lokiGroup.FindStringSubmatch(rest)
		if m == nil {
			return 0
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || n < 1 || n > records-sum {
			return 0
		}
		sum += n
		text := rest[len(m[0]):]
		end := lokiNext(text)
		if !lokiEntry.MatchString(text[:end]) {
			return 0
		}
		rest = strings.TrimPrefix(text[end:], "; ")
	}
	return sum
}

// lokiNext returns the end of one error and the beginning of the next.
func lokiNext(text string) int {
	for from := 0; ; {
		i := strings.Index(text[from:], "; ")
		if i < 0 {
			return len(text)
		}
		if from += i; lokiGroup.MatchString(text[from+2:]) {
			return from
		}
		from += 2
	}
}
