// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package iac

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
)

// example matches the blocks of a document that have values of variables.
var example = regexp.MustCompile("(?s)```hcl\n(# (\\S+)/terraform.tfvars\n.*?)```")

// TestReadme_Variables evaluates the module with the variables that README.md shows. What the
// document elides is filled in.
func TestReadme_Variables(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
	require.NoError(t, err)
	found := example.FindAllStringSubmatch(string(readme), -1)
	require.Len(t, found, 1)
	code := strings.NewReplacer(`"ssh-ed25519 AAAA… ann@laptop"`, `"`+publicKey+`"`, `sha256 = "…"`, `sha256 = "`+strings.Repeat("0", 64)+`"`).Replace(found[0][1])
	file, diags := hclsyntax.ParseConfig([]byte(code), "terraform.tfvars", hcl.InitialPos)
	require.False(t, diags.HasErrors(), diags)
	attributes, diags := file.Body.JustAttributes()
	require.False(t, diags.HasErrors(), diags)
	m := load(t, found[0][2])
	in := map[string]cty.Value{}
	for name, attribute := range attributes {
		require.Contains(t, m.Variables, name)
		value, diags := attribute.Expr.Value(nil)
		require.False(t, diags.HasErrors(), diags)
		in[name] = value
	}
	_, err = m.Evaluate(in)
	require.NoError(t, err)
}
