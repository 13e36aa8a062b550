// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package iac

import (
	"encoding/base64"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions are those of OpenTofu that the modules call.
func functions() map[string]function.Function {
	all := map[string]function.Function{
		"can": tryfunc.CanFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "floor": stdlib.FloorFunc,
		"join": stdlib.JoinFunc, "length": length(), "merge": stdlib.MergeFunc, "regex": stdlib.RegexFunc,
		"yamlencode": ctyyaml.YAMLEncodeFunc, "toset": to(cty.Set(cty.DynamicPseudoType)), "tostring": to(cty.String),
		"alltrue": allTrue(), "trimsuffix": trimSuffix(), "base64encode": encodeBase64(), "file": readFile(),
	}
	all["templatefile"] = templateFile(all)
	return all
}

// length is that of lists, maps and strings.
func length() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[0].Type() == cty.String {
				return stdlib.Strlen(args[0])
			}
			return stdlib.Length(args[0])
		},
	})
}

func to(t cty.Type) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			converted, err := convert.Convert(args[0], t)
			return converted.Type(), err
		},
		Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) { return convert.Convert(args[0], want) },
	})
}

func allTrue() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, value := range args[0].AsValueSlice() {
				if value.False() {
					return cty.False, nil
				}
			}
			return cty.True, nil
		},
	})
}

func trimSuffix() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "suffix", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(strings.TrimSuffix(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

func encodeBase64() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(args[0].AsString()))), nil
		},
	})
}

func readFile() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			raw, err := os.ReadFile(args[0].AsString())
			return cty.StringVal(string(raw)), err
		},
	})
}

// templateFile renders a template with its own variables only, as OpenTofu does.
func templateFile(all map[string]function.Function) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}, {Name: "vars", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			path := args[0].AsString()
			raw, err := os.ReadFile(path)
			if err != nil {
				return cty.NilVal, err
			}
			expr, diags := hclsyntax.ParseTemplate(raw, path, hcl.InitialPos)
			if diags.HasErrors() {
				return cty.NilVal, diags
			}
			vars := map[string]cty.Value{}
			for name, value := range args[1].AsValueMap() {
				vars[name] = value
			}
			value, diags := expr.Value(&hcl.EvalContext{Functions: all, Variables: vars})
			if diags.HasErrors() {
				return cty.NilVal, diags
			}
			return convert.Convert(value, cty.String)
		},
	})
}
