// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rejection

import (
	"net/http"
	"strings"
)

// marks are parts of the texts that components give to [New] and [Retry] in place of the text of
// the table, to name a configured limit or what is malformed. A test requires one for each of these texts,
// and one in internal/e2e compares them with the answers of a gateway.
func marks(r Reason) []string {
	switch r {
	case Rate:
		return []string{"over the limit of "}
	case Quota:
		return []string{" quota of "}
	case LaneFull:
		return []string{" queue of the tenant is full ("}
	case Memory:
		return []string{"the collector uses too much memory"}
	case DiskFull:
		return []string{"the collector's disk has no room for more "}
	case ContentType:
		return []string{": send the Content-Type "}
	case Encoding:
		return []string{" not supported, send none or one of: "}
	case Malformed:
		return []string{
			"the request is malformed", "the JSON document ends before byte ", "the body is not valid ", "the body cannot be read", "the data was rejected",
			"encoding the data: ", "Error parsing labels '",
			"the message is marked as compressed, ", "the header of the message is not gRPC", "the call has more than one message", "the call ended before its message",
		}
	case NoTenant:
		return []string{"the resource attribute that names the tenant is no tenant ID: "}
	case TooLarge:
		return []string{
			"request body too large: ", "the body has more than ", "the decoded body has more than ", "the window of the zstd frame has more than ",
			"the request needs more than ", "the messages come in too many small frames", "the series have more than ",
			" is larger than the tenant's queue (", "histograms would grow too much", "a destination takes at most ",
		}
	case Depth:
		return []string{"the request nests values deeper than "}
	case Elements:
		return []string{" elements (resources, records, "}
	case Slow:
		return []string{"the message did not arrive in time"}
	}
	return nil
}

// answeredWith reports whether a gateway answers r with a status. Receivers whose protocol asks for another one
// than that of the table have it.
func answeredWith(r Reason, status int) bool {
	if status == table[r].http {
		return true
	}
	switch status {
	case http.StatusServiceUnavailable: // of remote write, whose senders drop what is answered with 429
		return r == LaneFull || r == TenantRequests || r == TenantMemory
	case http.StatusBadRequest: // of Loki pushes, and of upstream's otlp
		return r == ContentType || r == Encoding || r == TooLarge
	}
	return false
}

// Recognize returns the reason of an answer over HTTP with a status and a text, or [None] if no
// component of this table gives such an answer. The text may be a part of a longer one. Reasons that
// callers cannot distinguish have the same text: the first of them is returned.
func Recognize(status int, text string) Reason {
	best, longest := None, 0
	for r := None + 1; r < numReasons; r++ {
		if !answeredWith(r, status) {
			continue
		}
		if n := matched(table[r].text, text); n > longest {
			best, longest = r, n
		}
		for _, mark := range marks(r) {
			if len(mark) > longest && strings.Contains(text, mark) {
				best, longest = r, len(mark)
			}
		}
	}
	return best
}

// matched returns how many bytes of a text of the table, without its verbs, are in text, or 0 if not all
// of them are, in their order.
func matched(form, text string) (n int) {
	for part := range strings.SplitSeq(form, "%v") {
		at := strings.Index(text, part)
		if at < 0 {
			return 0
		}
		n += len(part)
		text = text[at+len(part):]
	}
	return n
}
