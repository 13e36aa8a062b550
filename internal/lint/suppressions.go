// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"fmt"
	"maps"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

const (
	idBadSuppression    = "OT901"
	idUnusedSuppression = "OT902"
)

func linterRules() []Rule {
	return []Rule{
		{
			ID: idBadSuppression, Family: FamilyLinter, Severity: finding.Warning,
			Title: "A suppression without effect",
			Why:   "A comment # lint:ignore must name existing rules and a reason. Otherwise it suppresses nothing.",
			Fix:   "Write # lint:ignore OT103 REASON, with several rules separated by commas.",
		},
		{
			ID: idUnusedSuppression, Family: FamilyLinter, Severity: finding.Note,
			Title: "A suppression of a finding that does not exist",
			Why:   "The setting has changed, or the comment is on another line than the setting. It could hide a finding later.",
			Fix:   "Remove the comment.",
		},
	}
}

// checkSuppressions reports the comments that suppress nothing.
func (l *linter) checkSuppressions(rules []Rule) {
	byID := make(map[string]*Rule, len(rules))
	for i := range rules {
		byID[rules[i].ID] = &rules[i]
	}
	for _, file := range slices.Sorted(maps.Keys(l.src.files)) {
		for _, s := range l.src.files[file].all {
			pos := s.pos
			pos.file = file
			bad := func(format string, args ...any) {
				l.add(byID[idBadSuppression], pos, "lint:ignore", fmt.Sprintf(format, args...))
			}
			switch {
			case len(s.rules) == 0:
				bad("the comment names no rule")
			case s.reason == "":
				bad("the comment gives no reason")
			}
			for _, id := range s.rules {
				switch {
				case byID[id] == nil:
					bad("there is no rule %s", id)
				case s.reason != "" && !s.used[id] && !slices.Contains(l.disabled, id):
					l.add(byID[idUnusedSuppression], pos, "lint:ignore", "the line has no finding of "+id)
				}
			}
		}
	}
}
