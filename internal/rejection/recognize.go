// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rejection

import "strings"

// marks are parts of the texts that components give to [New] and [Retry] in place of the text of
// the table, to name a configured limit. A test in internal/e2e compares them with the answers of a gateway.
func marks(r Reason) []string {
	switch r {
	case Rate:
		return []string{"over the limit of "}
	case Quota:
		return []string{" quota of "}
	case LaneFull:
		return []string{" queue of the tenant is full ("}
	case DiskFull:
		return []string{"the collector's disk has no room for more "}
	case TooLarge:
		return []string{" is larger than the tenant's queue (", "the body has more than ", "the decoded body has more than ", "the request needs more than "}
	}
	return nil
}

// Recognize returns the reason of an answer over HTTP with a status and a text, or [None] if no
// component of this table gives such an answer. The text may be a part of a longer one. Reasons that
// callers cannot distinguish have the same text: the first of them is returned.
func Recognize(status int, text string) Reason {
	best, longest := None, 0
	for r := None + 1; r < numReasons; r++ {
		if table[r].http != status {
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
