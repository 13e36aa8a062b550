// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package iac

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Variable is an input of a module.
type Variable struct {
	Type        cty.Type
	Default     cty.Value // cty.NilVal if the variable is required
	Description string
	Sensitive   bool
	validations []check
}

// Required reports whether the variable has no default.
func (v *Variable) Required() bool { return v.Default == cty.NilVal }

// Output is a result of a module.
type Output struct {
	Description   string
	Sensitive     bool
	value         hclsyntax.Expression
	preconditions []check
}

// Block is a resource or a call of a module.
type Block struct {
	Labels []string
	Body   *hclsyntax.Body
	File   string
	Line   int
}

// check is a condition with the message for its failure.
type check struct {
	condition, message hclsyntax.Expression
}

// Module is a parsed module.
type Module struct {
	Dir       string
	Variables map[string]*Variable
	Outputs   map[string]*Output
	Resources map[string]*Block // by "type.name"
	Calls     map[string]*Block // by name
	Providers map[string]string // version constraints by local name
	Version   string            // required_version
	locals    map[string]hclsyntax.Expression
	exprs     []hclsyntax.Expression // all of the module
}

// Load parses the .tf files of a folder.
func Load(dir string) (*Module, error) {
	m := &Module{
		Dir: dir, Variables: map[string]*Variable{}, Outputs: map[string]*Output{}, Resources: map[string]*Block{},
		Calls: map[string]*Block{}, Providers: map[string]string{}, locals: map[string]hclsyntax.Expression{},
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, fmt.Errorf("there are %d .tf files in %s", len(files), dir))
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		parsed, diags := hclsyntax.ParseConfig(raw, file, hcl.InitialPos)
		if diags.HasErrors() {
			return nil, diags
		}
		body := parsed.Body.(*hclsyntax.Body) // ParseConfig returns no other type
		m.collect(body)
		for _, block := range body.Blocks {
			if err := m.add(block, file); err != nil {
				return nil, fmt.Errorf("%s: %w", block.TypeRange, err)
			}
		}
	}
	return m, nil
}

// collect remembers all expressions below a body.
func (m *Module) collect(body *hclsyntax.Body) {
	for _, attribute := range body.Attributes {
		m.exprs = append(m.exprs, attribute.Expr)
	}
	for _, block := range body.Blocks {
		if block.Type != "validation" { // sees its own variable only
			m.collect(block.Body)
		}
	}
}

func (m *Module) add(block *hclsyntax.Block, file string) error {
	b := &Block{Labels: block.Labels, Body: block.Body, File: filepath.Base(file), Line: block.TypeRange.Start.Line}
	switch block.Type {
	case "variable":
		v, err := newVariable(block.Body)
		if err != nil {
			return fmt.Errorf("variable %q: %w", block.Labels[0], err)
		}
		m.Variables[block.Labels[0]] = v
	case "output":
		o := &Output{preconditions: checks(block.Body, "precondition")}
		if value, ok := block.Body.Attributes["value"]; ok {
			o.value = value.Expr
		}
		o.Description = literal(block.Body, "description")
		o.Sensitive = flag(block.Body, "sensitive")
		m.Outputs[block.Labels[0]] = o
	case "locals":
		for name, attribute := range block.Body.Attributes {
			m.locals[name] = attribute.Expr
		}
	case "resource":
		m.Resources[strings.Join(block.Labels, ".")] = b
	case "module":
		m.Calls[block.Labels[0]] = b
	case "provider":
	case "terraform":
		m.Version = literal(block.Body, "required_version") + m.Version
		for _, inner := range block.Body.Blocks {
			for name, attribute := range inner.Body.Attributes {
				value, diags := attribute.Expr.Value(nil)
				if diags.HasErrors() {
					return diags
				}
				m.Providers[name] = value.GetAttr("source").AsString() + " " + value.GetAttr("version").AsString()
			}
		}
	default:
		return fmt.Errorf("block %q is not checked: extend internal/tools/iac", block.Type)
	}
	return nil
}

func newVariable(body *hclsyntax.Body) (*Variable, error) {
	v := &Variable{
		Type: cty.DynamicPseudoType, Default: cty.NilVal, Description: literal(body, "description"),
		Sensitive: flag(body, "sensitive"), validations: checks(body, "validation"),
	}
	if attribute, ok := body.Attributes["type"]; ok {
		t, diags := typeexpr.TypeConstraint(attribute.Expr)
		if diags.HasErrors() {
			return nil, diags
		}
		v.Type = t
	}
	if attribute, ok := body.Attributes["default"]; ok {
		value, diags := attribute.Expr.Value(nil)
		if diags.HasErrors() {
			return nil, diags
		}
		converted, err := convert.Convert(value, v.Type)
		if err != nil {
			return nil, fmt.Errorf("default: %w", err)
		}
		v.Default = converted
	}
	return v, nil
}

func checks(body *hclsyntax.Body, kind string) (all []check) {
	for _, block := range body.Blocks {
		if block.Type == kind {
			all = append(all, check{block.Body.Attributes["condition"].Expr, block.Body.Attributes["error_message"].Expr})
		}
	}
	return all
}

// literal returns a constant string of a body, or "".
func literal(body *hclsyntax.Body, name string) string {
	if attribute, ok := body.Attributes[name]; ok {
		if value, diags := attribute.Expr.Value(nil); !diags.HasErrors() && value.Type() == cty.String {
			return value.AsString()
		}
	}
	return ""
}

func flag(body *hclsyntax.Body, name string) bool {
	attribute, ok := body.Attributes[name]
	if !ok {
		return false
	}
	value, diags := attribute.Expr.Value(nil)
	return !diags.HasErrors() && value.Type() == cty.Bool && value.True()
}

// Evaluate returns the outputs for these inputs. Resources and the outputs of called modules
// are unknown values. Failed validations and preconditions, wrong types and references are
// errors.
func (m *Module) Evaluate(inputs map[string]cty.Value) (map[string]cty.Value, error) {
	ctx, err := m.context(inputs)
	if err != nil {
		return nil, err
	}
	outputs := map[string]cty.Value{}
	for name, output := range m.Outputs {
		if err := verify(output.preconditions, ctx); err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
		value, diags := output.value.Value(ctx)
		if diags.HasErrors() {
			return nil, diags
		}
		outputs[name] = value
	}
	for name, block := range m.Resources {
		if err := evaluateBody(block.Body, ctx); err != nil {
			return nil, fmt.Errorf("resource %s: %w", name, err)
		}
	}
	for name, call := range m.Calls {
		if err := evaluateBody(call.Body, ctx); err != nil {
			return nil, fmt.Errorf("module %s: %w", name, err)
		}
	}
	return outputs, nil
}

// evaluateBody evaluates the attributes of a block and its nested blocks.
func evaluateBody(body *hclsyntax.Body, ctx *hcl.EvalContext) error {
	inner := ctx.NewChild()
	inner.Variables = map[string]cty.Value{"each": cty.DynamicVal, "count": cty.DynamicVal}
	for name, attribute := range body.Attributes {
		if name == "ignore_changes" {
			continue // names of arguments
		}
		if _, diags := attribute.Expr.Value(inner); diags.HasErrors() {
			return diags
		}
	}
	for _, block := range body.Blocks {
		nested := inner
		if block.Type == "dynamic" {
			nested = inner.NewChild()
			nested.Variables = map[string]cty.Value{block.Labels[0]: cty.DynamicVal}
		}
		if err := evaluateBody(block.Body, nested); err != nil {
			return err
		}
	}
	return nil
}

func verify(all []check, ctx *hcl.EvalContext) error {
	for _, c := range all {
		ok, diags := c.condition.Value(ctx)
		if diags.HasErrors() {
			return diags
		}
		if ok.IsKnown() && ok.False() {
			message, diags := c.message.Value(ctx)
			if diags.HasErrors() {
				return diags
			}
			return errors.New(message.AsString())
		}
	}
	return nil
}

// context returns the scope of the module's expressions.
func (m *Module) context(inputs map[string]cty.Value) (*hcl.EvalContext, error) {
	for name := range inputs {
		if m.Variables[name] == nil {
			return nil, fmt.Errorf("%s has no variable %q", m.Dir, name)
		}
	}
	values := map[string]cty.Value{}
	for name, v := range m.Variables {
		value, given := inputs[name]
		if !given {
			if v.Required() {
				return nil, fmt.Errorf("%s needs the variable %q", m.Dir, name)
			}
			value = v.Default
		}
		converted, err := convert.Convert(value, v.Type)
		if err != nil {
			return nil, fmt.Errorf("variable %q: %w", name, err)
		}
		values[name] = converted
	}
	ctx := &hcl.EvalContext{Functions: functions(), Variables: map[string]cty.Value{
		"var":  cty.ObjectVal(values),
		"path": cty.ObjectVal(map[string]cty.Value{"module": cty.StringVal(m.Dir)}),
	}}
	for _, name := range slices.Sorted(maps.Keys(m.Variables)) {
		if err := verify(m.Variables[name].validations, ctx); err != nil {
			return nil, fmt.Errorf("variable %q: %w", name, err)
		}
	}
	resources := map[string]map[string]cty.Value{}
	for _, block := range m.Resources {
		if resources[block.Labels[0]] == nil {
			resources[block.Labels[0]] = map[string]cty.Value{}
		}
		resources[block.Labels[0]][block.Labels[1]] = cty.DynamicVal
	}
	for kind, names := range resources {
		ctx.Variables[kind] = cty.ObjectVal(names)
	}
	calls := map[string]cty.Value{}
	for name := range m.Calls {
		calls[name] = cty.DynamicVal
	}
	ctx.Variables["module"] = cty.ObjectVal(calls)
	return ctx, m.evaluateLocals(ctx)
}

// evaluateLocals adds the locals to the scope, each after those it refers to.
func (m *Module) evaluateLocals(ctx *hcl.EvalContext) error {
	known := map[string]cty.Value{}
	ctx.Variables["local"] = cty.EmptyObjectVal
	for len(known) < len(m.locals) {
		before := len(known)
		for name, expr := range m.locals {
			if _, ok := known[name]; ok || slices.ContainsFunc(references(expr, "local"), func(other string) bool {
				_, ok := known[other]
				return !ok
			}) {
				continue
			}
			value, diags := expr.Value(ctx)
			if diags.HasErrors() {
				return diags
			}
			known[name] = value
			ctx.Variables["local"] = cty.ObjectVal(known)
		}
		if len(known) == before {
			return fmt.Errorf("%s: locals refer to each other or to one that does not exist", m.Dir)
		}
	}
	return nil
}

// references returns the second elements of traversals such as var.name.
func references(expr hclsyntax.Expression, kind string) (names []string) {
	for _, traversal := range expr.Variables() {
		if traversal.RootName() != kind || len(traversal) < 2 {
			continue
		}
		if attribute, ok := traversal[1].(hcl.TraverseAttr); ok {
			names = append(names, attribute.Name)
		}
	}
	return names
}

// Used returns the names that the module's expressions use of a kind such as "var".
func (m *Module) Used(kind string) map[string]bool {
	used := map[string]bool{}
	for _, expr := range m.exprs {
		for _, name := range references(expr, kind) {
			used[name] = true
		}
	}
	return used
}

// Attributes returns the attributes of resources that the module's expressions read, by
// resource type.
func (m *Module) Attributes() map[string][]string {
	read := map[string][]string{}
	for _, expr := range m.exprs {
		for _, traversal := range expr.Variables() {
			if len(traversal) < 3 {
				continue
			}
			name, ok1 := traversal[1].(hcl.TraverseAttr)
			attribute, ok2 := traversal[2].(hcl.TraverseAttr)
			if ok1 && ok2 && m.Resources[traversal.RootName()+"."+name.Name] != nil {
				read[traversal.RootName()] = append(read[traversal.RootName()], attribute.Name)
			}
		}
	}
	return read
}
