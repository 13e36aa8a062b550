// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package severity_test

import (
	"fmt"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

func ExampleFromText() {
	for _, word := range []string{"warning", "[ERROR]", "INFO+2", "30", "verbatim"} {
		n, ok := severity.FromText(word)
		fmt.Println(n, ok)
	}
	// Output:
	// Warn true
	// Error true
	// Info3 true
	// Info true
	// Unspecified false
}

func ExampleFromNumber() {
	pino, _ := severity.FromNumber(50, severity.ScaleAny)
	python, _ := severity.FromNumber(30, severity.ScalePython)
	slog, _ := severity.FromNumber(-4, severity.ScaleSlog)
	fmt.Println(pino, python, slog)
	// Output:
	// Error Warn Debug
}

func ExampleName() {
	n, _ := severity.FromText("crit")
	fmt.Println(severity.Name(n))
	// Output:
	// fatal
}

func ExampleClean() {
	fmt.Println(severity.Clean("\x1b[32m[info]\x1b[0m"))
	// Output:
	// info
}
