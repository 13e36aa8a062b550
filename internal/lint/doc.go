// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package lint finds insecure and wrong settings in the configuration of a collector that
// `otelcol-tenant validate` accepts, and in the registry of a gateway.
//
// Each rule has an ID that does not change, a severity, an explanation and a fix. Findings name
// the file, the line and the column of a setting. Nothing is started or contacted; only files
// that the configuration names are looked at.
//
// The defaults of components that rules depend on are written in this package, because it
// imports no component. Tests of internal/tools/schema and of the components compare them.
package lint

//go:generate go run ./rulepage -o ../../docs/lint.md
