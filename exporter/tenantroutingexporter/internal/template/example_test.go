// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package template_test

import (
	"fmt"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
)

func ExampleCompile() {
	t, err := template.Compile(template.URL, "{vars.endpoint}/{tenant}")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := t.Render(template.Values{Tenant: "acme", Vars: map[string]string{"endpoint": "https://logs.example"}})
	fmt.Println(text, err)

	_, err = template.Compile(template.URL, "https://{host}")
	fmt.Println(err)
	// Output:
	// https://logs.example/acme <nil>
	// {host} is not known: only {tenant} and {vars.<name>} are
}

// A value must not change the structure of the setting that it is part of.
func ExampleTemplate_Render() {
	t, err := template.Compile(template.Path, "/var/lib/archive/{vars.folder}")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = t.Render(template.Values{Tenant: "acme", Vars: map[string]string{"folder": "../other"}})
	fmt.Println(err)
	// Output: vars.folder: may hold only letters, digits and !_.*'()- here, and not be "." or ".."
}

// Check reports faults without resolving references, for example when a registry is loaded.
func ExampleTemplate_Check() {
	t, err := template.Compile(template.Header, "{vars.token}")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Check(template.Values{Tenant: "acme"}))
	// Output: vars.token: the tenant has no such variable
}
