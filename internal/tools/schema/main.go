// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command schema writes the reference of the configuration and its JSON schema from the code of
// the components: their settings, defaults and doc comments. `make generate` runs it.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	schemaFile := flag.String("schema", "", "the JSON schema to write, a `FILE`")
	referenceFile := flag.String("reference", "", "the reference to write, a `FILE`")
	flag.Parse()
	if err := generate(*schemaFile, *referenceFile); err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

func generate(schemaFile, referenceFile string) error {
	described, err := describe(distribution())
	if err != nil {
		return err
	}
	schema, err := jsonSchema(described)
	if err != nil {
		return err
	}
	for path, data := range map[string][]byte{schemaFile: schema, referenceFile: reference(described)} {
		if path == "" {
			continue
		}
		if err := os.WriteFile(path, data, 0o644); err != nil { //nolint:gosec // a document
			return err
		}
	}
	return nil
}
