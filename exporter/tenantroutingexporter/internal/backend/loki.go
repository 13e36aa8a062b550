package backend

import (
	"regexp"
	"strconv"
	"strings"
)

// What Loki says of one log record that it refuses, with the stream in quotes. What it
// says of a stream, such as that it has too many labels, is of an unknown number of
// records.
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

// lokiRefusals returns how many of so many log records Loki refuses, or 0 if its message
// does not say so for sure. It stores the others.
//
// The distributor lists its errors, each with how often it occurred. An ingester counts
// within the last stream of a request only, which says something if that stream is all
// of the request.
func lokiRefusals(message string, records int) int {
	if m := lokiTotal.FindStringSubmatch(message); m != nil {
		refused, err := strconv.Atoi(m[1])
		total, terr := strconv.Atoi(m[2])
		if err != nil || terr != nil || total != records || refused > records {
			return 0
		}
		return refused
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

// lokiNext returns where the text of one error ends and the next begins.
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
