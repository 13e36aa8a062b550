// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package iac

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
)

// samples are inputs with which each module can be applied.
func samples() map[string]map[string]cty.Value {
	machine := func(changes map[string]cty.Value) map[string]cty.Value {
		all := stackInputs(changes)
		all["gateway_image"] = all["image"]
		delete(all, "image")
		all["dns_zone"] = cty.StringVal("example.com")
		return all
	}
	azure := machine(nil)
	azure["dns_zone_resource_group"] = cty.StringVal("dns")
	packages := cty.TupleVal([]cty.Value{download("https://downloads.example.com/otelcol-tenant.deb")})
	return map[string]map[string]cty.Value{
		"cloud-init": stackInputs(nil), "hetzner": machine(nil), "azure": azure, "agent": inputs(map[string]cty.Value{"packages": packages}),
	}
}

// TestModules_AreFormatted compares all files with the output of OpenTofu's formatter.
func TestModules_AreFormatted(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.tf"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(hclwrite.Format(raw)), string(raw), "%s: run tofu fmt", file)
	}
}

// TestModules_Evaluate evaluates everything for inputs with which a module can be applied.
func TestModules_Evaluate(t *testing.T) {
	for name, in := range samples() {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, name).Evaluate(in)
			assert.NoError(t, err)
		})
	}
}

// TestModules_AreDocumented requires a description of each variable and output, that each
// variable has a type and is used, and that versions are bounded.
func TestModules_AreDocumented(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
	require.NoError(t, err)
	for name := range samples() {
		m := load(t, name)
		used := m.Used("var")
		for variable, v := range m.Variables {
			assert.NotEmpty(t, v.Description, "%s: variable %s", name, variable)
			assert.NotEqual(t, cty.DynamicPseudoType, v.Type, "%s: variable %s has no type", name, variable)
			assert.True(t, used[variable], "%s: variable %s is not used", name, variable)
			assert.Contains(t, string(readme), "`"+variable+"`", "README.md does not name the variable of %s", name)
		}
		for variable := range used {
			assert.Contains(t, m.Variables, variable, name)
		}
		for output, o := range m.Outputs {
			assert.NotEmpty(t, o.Description, "%s: output %s", name, output)
		}
		assert.Regexp(t, `^>= \d+\.\d+\.\d+$`, m.Version, name)
		for provider, version := range m.Providers {
			assert.Regexp(t, `^[a-z]+/[a-z]+ ~> \d+\.\d+$`, version, "%s: provider %s", name, provider)
		}
		for resource := range m.Resources {
			provider, _, _ := strings.Cut(resource, "_")
			assert.Contains(t, m.Providers, provider, "%s: %s has no provider in required_providers", name, resource)
		}
	}
}

// TestModules_CallsFit compares the inputs of module calls with the variables of the called
// module. A variable with the same name has the same type, and none loses that it is
// sensitive.
func TestModules_CallsFit(t *testing.T) {
	child := load(t, "cloud-init")
	for _, name := range []string{"hetzner", "azure", "agent"} {
		m := load(t, name)
		call := m.Calls["cloud_init"]
		require.NotNil(t, call, name)
		given := map[string]bool{}
		for input := range call.Body.Attributes {
			if input == "source" {
				continue
			}
			given[input] = true
			assert.Contains(t, child.Variables, input, name)
		}
		for variable, v := range child.Variables {
			assert.True(t, given[variable] || !v.Required(), "%s does not set %s", name, variable)
			if own := m.Variables[variable]; own != nil && variable != "image" {
				assert.True(t, v.Type.Equals(own.Type), "%s: %s", name, variable)
				assert.Equal(t, v.Sensitive, own.Sensitive, "%s: %s", name, variable)
			}
		}
	}
}

// arguments are those of a resource or of a nested block.
type arguments struct {
	Required, Optional, Exported []string
	Blocks                       map[string]*arguments
}

// TestModules_ArgumentsExist compares the resources with the table of the providers'
// documentation, because their schemas cannot be had without the providers.
func TestModules_ArgumentsExist(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "providers.json"))
	require.NoError(t, err)
	var table struct{ Resources map[string]*arguments }
	require.NoError(t, json.Unmarshal(raw, &table))
	used := map[string]bool{}
	for _, name := range []string{"hetzner", "azure"} {
		m := load(t, name)
		for resource, block := range m.Resources {
			known := table.Resources[block.Labels[0]]
			used[block.Labels[0]] = true
			if assert.NotNil(t, known, "%s is not in testdata/providers.json", block.Labels[0]) {
				known.compare(t, name+" "+resource, block.Body)
			}
		}
		for kind, attributes := range m.Attributes() {
			known := table.Resources[kind]
			for _, attribute := range attributes {
				assert.Contains(t, slices.Concat(known.Exported, known.Required, known.Optional), attribute, "%s: %s", name, kind)
			}
		}
	}
	for kind := range table.Resources {
		assert.True(t, used[kind], "testdata/providers.json has %s, which no module uses", kind)
	}
}

// metaArguments are those of every resource.
var metaArguments = []string{"for_each", "count", "depends_on", "provider"}

func (a *arguments) compare(t *testing.T, where string, body *hclsyntax.Body) {
	t.Helper()
	for _, argument := range a.Required {
		assert.Contains(t, slices.Collect(maps.Keys(body.Attributes)), argument, "%s lacks a required argument", where)
	}
	for argument := range body.Attributes {
		assert.Contains(t, slices.Concat(a.Required, a.Optional, metaArguments), argument, where)
	}
	for _, block := range body.Blocks {
		kind, inner := block.Type, block.Body
		if kind == "lifecycle" {
			continue
		}
		if kind == "dynamic" {
			kind = block.Labels[0]
			inner = block.Body.Blocks[slices.IndexFunc(block.Body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == "content" })].Body
		}
		if known := a.Blocks[kind]; assert.NotNil(t, known, "%s: block %s", where, kind) {
			known.compare(t, where+" "+kind, inner)
		}
	}
}

// TestModules_RejectWrongInputs gives each validation values that it must reject.
func TestModules_RejectWrongInputs(t *testing.T) {
	text, number := cty.StringVal, func(n int64) cty.Value { return cty.NumberIntVal(n) }
	object := func(url, sum string) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{"url": text(url), "sha256": text(sum)})
	}
	sum := strings.Repeat("0", 64)
	wrong := map[string]map[string][]cty.Value{
		"cloud-init": {
			"role":                {text("server")},
			"admin_user":          {text("root"), text("Ann"), text("a b"), text("ann\nPermitRootLogin yes")},
			"ssh_authorized_keys": {cty.ListValEmpty(cty.String), list("password"), list(publicKey, "ssh-ed25519"), list(publicKey + "\nssh-ed25519 AAAA")},
			"ssh_source_cidrs":    {cty.ListValEmpty(cty.String), list("203.0.113.7"), list("anywhere"), list("0.0.0.0/0 } accept")},
			"public_tcp_ports":    {cty.TupleVal([]cty.Value{number(0)}), cty.TupleVal([]cty.Value{number(70000)}), cty.TupleVal([]cty.Value{number(22)}), cty.TupleVal([]cty.Value{cty.NumberFloatVal(80.5)})},
			"data_device":         {text("/dev/sdb"), text("/dev/disk/../sda; reboot")},
			"swap_gib":            {number(-1), number(65), cty.NumberFloatVal(0.5)},
			"stack":               {text("local"), text("../../etc")},
			"domain":              {text("Example.com"), text("example"), text("a..example.com"), text("example.com\nX=y")},
			"stack_settings":      {cty.ObjectVal(map[string]cty.Value{"lower": text("x")}), cty.ObjectVal(map[string]cty.Value{"X": text("$(reboot)")}), cty.ObjectVal(map[string]cty.Value{"X": text("a\nB=c")})},
			"bundle":              {object("http://example.com/a", sum), object("https://example.com/a b", sum), object("https://example.com/a", "abc")},
			"image":               {object("http://example.com/a", sum), object("https://example.com/a\nROLE=agent", sum)},
			"packages":            {cty.TupleVal([]cty.Value{object("https://example.com/a.rpm", sum)}), cty.TupleVal([]cty.Value{object("https://example.com/a.deb", "x")})},
			"backup_days":         {number(-1), number(400), cty.NumberFloatVal(1.5)},
		},
		"hetzner": {"name": {text("Server"), text("a.b")}, "volume_gb": {number(9), number(20000)}},
		"azure": {
			"name": {text("Server")}, "zone": {text("4")}, "data_disk_gb": {number(9)}, "data_disk_type": {text("Standard_LRS")},
		},
	}
	for name, variables := range wrong {
		m := load(t, name)
		for variable, v := range m.Variables {
			assert.Equal(t, len(v.validations) > 0, len(variables[variable]) > 0, "%s: %s: validations and their tests", name, variable)
		}
		for variable, values := range variables {
			for _, value := range values {
				in := maps.Clone(samples()[name])
				in[variable] = value
				_, err := m.Evaluate(in)
				require.Error(t, err, "%s: %s = %#v", name, variable, value)
				assert.Regexp(t, regexp.MustCompile(`variable "`+variable+`": `+variable+` `), err.Error())
			}
		}
	}
	for want, change := range map[string]map[string]cty.Value{
		"needs bundle":     {"bundle": cty.NullVal(cty.DynamicPseudoType)},
		"need packages":    {"role": text("agent")},
		"image and domain": {"domain": text("")},
		"32 KiB":           {"role": text("agent"), "packages": cty.TupleVal([]cty.Value{download("https://e.example/a.deb")}), "agent_env": text(strings.Repeat("X", 33000))},
	} {
		in := stackInputs(change)
		_, err := load(t, "cloud-init").Evaluate(in)
		assert.ErrorContains(t, err, want)
	}
}
