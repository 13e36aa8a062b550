// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCheckAccount(t *testing.T) {
	for _, good := range []string{"0", "1", "42", "4294967295", "007"} {
		assert.NoError(t, CheckAccount(good), good)
	}
	for _, bad := range []string{"", " ", "abc", "-1", "+1", "4294967296", "1.0", "1e3", "0x10", "1_000", " 1", "1 ", "1:2", "१", "99999999999999999999"} {
		assert.EqualError(t, CheckAccount(bad), "must be a whole number from 0 to 4294967295", bad)
	}
}

func TestCheckScopeOrgID(t *testing.T) {
	for _, good := range []string{"a", "tenant-a", "A.b_c!*'()", "...", strings.Repeat("x", MaxIDLength), "fake", "Index", "index2", "work", "single-tenant", "anonymous"} {
		assert.NoError(t, CheckScopeOrgID(good), good)
	}
	for bad, want := range map[string]string{
		"": "must not be empty", "__mimir_cluster": "which Mimir reserves",
		"a|b": "must be a tenant ID", "|": "must be a tenant ID", ".": "must be a tenant ID", "..": "must be a tenant ID", "a b": "must be a tenant ID",
		"index": "must not be index, which Loki reserves", "bloom": "which Loki reserves", "work.json": "which Tempo reserves", "__markers__": "which Cortex reserves",
		" a": "must be a tenant ID", "a/b": "must be a tenant ID", "ä": "must be a tenant ID", "a\r\nb": "must be a tenant ID", "a:b": "must be a tenant ID",
		strings.Repeat("x", MaxIDLength+1): "must be a tenant ID",
	} {
		assert.ErrorContains(t, CheckScopeOrgID(bad), want, bad)
	}
}

func TestCheckVariable(t *testing.T) {
	for _, good := range [][2]string{{"org", "a|b"}, {"account_id", "7"}, {"project_id", "0"}, {"url", "http://h:1/x?y"}, {"account", "abc"}, {"text", "a b"}} {
		assert.NoError(t, CheckVariable(good[0], good[1]), good)
	}
	for bad, want := range map[[2]string]string{
		{"org", ""}: "must not be empty", {"org", " "}: "begin or end with a space", {"org", "a "}: "begin or end", {"org", "\ta"}: "begin or end",
		{"account_id", "abc"}: "whole number", {"project_id", "-1"}: "whole number", {"account_id", ""}: "must not be empty",
	} {
		assert.ErrorContains(t, CheckVariable(bad[0], bad[1]), want, bad)
	}
}
