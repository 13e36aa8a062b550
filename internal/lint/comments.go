// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"regexp"
	"strings"
)

// suppression is a comment "# lint:ignore OT101,OT102 REASON".
type suppression struct {
	pos    position // file is empty
	line   int      // to which it applies
	rules  []string
	reason string
	used   map[string]bool // by rule
}

// comments are the suppressions in a file.
type comments struct{ all []*suppression }

var ignoreComment = regexp.MustCompile(`(?:^|\s)#\s*lint:ignore(?:[ \t]+(\S+))?(?:[ \t]+(.*))?$`)

// parseComments finds the suppressions in the text of a file. One behind a setting applies to that
// line, one on its own line to the next line with a setting.
func parseComments(text string) *comments {
	c := &comments{}
	var waiting []*suppression
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimSpace(line)
		own := strings.HasPrefix(trimmed, "#")
		if trimmed != "" && !own {
			for _, s := range waiting {
				s.line = number
			}
			waiting = nil
		}
		at := ignoreComment.FindStringSubmatchIndex(line)
		if at == nil {
			continue
		}
		m := ignoreComment.FindStringSubmatch(line)
		s := &suppression{
			pos: position{line: number, column: at[0] + 1}, line: number,
			reason: strings.TrimSpace(m[2]), used: make(map[string]bool),
		}
		for _, id := range strings.Split(m[1], ",") {
			if id != "" {
				s.rules = append(s.rules, id)
			}
		}
		if own {
			waiting = append(waiting, s)
		}
		c.all = append(c.all, s)
	}
	return c
}

// find returns the suppression of a rule on a line, or nil.
func (c *comments) find(rule string, line int) *suppression {
	if c == nil {
		return nil
	}
	for _, s := range c.all {
		if s.line != line || s.reason == "" {
			continue
		}
		for _, id := range s.rules {
			if id == rule {
				s.used[id] = true
				return s
			}
		}
	}
	return nil
}
