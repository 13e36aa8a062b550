// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command compose checks compose files of this repository against the rules in
// distributions/stacks/README.md: pinned images, health checks, limits, and that only the
// ingress is published. It loads them as Docker Compose does, with its own library, and needs
// no container engine.
//
//	go run -C internal/tools/compose . DIR...
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	code := 0
	for _, dir := range os.Args[1:] {
		faults, err := Check(context.Background(), dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
			continue
		}
		for _, f := range faults {
			fmt.Printf("%s: %s\n", dir, f)
			code = 1
		}
	}
	os.Exit(code)
}
