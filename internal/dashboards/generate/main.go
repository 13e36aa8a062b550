// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command generate writes the dashboards to a folder, and removes others from it.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/internal/dashboards"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: generate FOLDER")
	}
	old, err := filepath.Glob(filepath.Join(args[0], "*.json"))
	if err != nil {
		return err
	}
	for _, d := range slices.Concat(dashboards.Operator(), dashboards.Tenant()) {
		path := filepath.Join(args[0], d.Name+".json")
		if err := os.WriteFile(path, d.JSON, 0o644); err != nil { //nolint:gosec // everybody may read it
			return err
		}
		old = slices.DeleteFunc(old, func(name string) bool { return filepath.Clean(name) == filepath.Clean(path) })
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
