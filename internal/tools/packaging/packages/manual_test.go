// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"slices"
	"testing"
)

func TestParseHelp(t *testing.T) {
	h := parseHelp(`Create a tenant.

It gets a key.

Usage:
  tenantctl tenant create TENANT [flags]

Examples:
  tenantctl tenant create a

Available Commands:
  one         First
  two-more    Second

Flags:
  -h, --help   help

Global Flags:
      --registry string   the registry

Use "tenantctl [command] --help" for more information about a command.

Exit status: 0 success.
`)
	for name, pair := range map[string][2]string{
		"intro":    {h.intro, "Create a tenant.\n\nIt gets a key."},
		"usage":    {h.usage, "  tenantctl tenant create TENANT [flags]"},
		"examples": {h.examples, "  tenantctl tenant create a"},
		"flags":    {h.flags, "  -h, --help   help"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", name, pair[0], pair[1])
		}
	}
	if want := []string{"one", "two-more"}; !slices.Equal(h.commands, want) {
		t.Errorf("commands are %q, want %q", h.commands, want)
	}
}

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		".TH x":      `\&.TH x`,
		"'quoted'":   `\(aqquoted\(aq`,
		`a\b --flag`: `a\eb \-\-flag`,
	} {
		if got := escape(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
