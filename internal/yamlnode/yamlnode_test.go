// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package yamlnode_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/yamlnode"
)

func TestEncode(t *testing.T) {
	m := yamlnode.Mapping(0)
	yamlnode.Append(m, "id", yamlnode.Text("007"))
	yamlnode.Append(m, "count", yamlnode.Integer("7"))
	yamlnode.Append(m, "at", yamlnode.Timestamp("2026-01-02T03:04:05Z"))
	list := yamlnode.Sequence(yaml.FlowStyle, yamlnode.Text("a"), yamlnode.Text("null"))
	yamlnode.Append(m, "list", list)
	text, err := yamlnode.Encode(yamlnode.Sequence(0, m))
	require.NoError(t, err)
	assert.Equal(t, "- id: \"007\"\n  count: 7\n  at: 2026-01-02T03:04:05Z\n  list: [a, \"null\"]\n", string(text))
	assert.Same(t, list, yamlnode.Get(m, "list"))
	assert.Nil(t, yamlnode.Get(m, "other"))
	assert.Nil(t, yamlnode.Get(list, "a"))
}

func TestIndent_LeavesBlankLines(t *testing.T) {
	assert.Equal(t, "  a\n\n  b", string(yamlnode.Indent([]byte("a\n\nb"), 2)))
	assert.Empty(t, yamlnode.Indent(nil, 2))
}
