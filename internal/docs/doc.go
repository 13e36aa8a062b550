// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package docs contains the tests of the documents. Each document is a script that runs from
// top to bottom in a sandbox of its own: every code block is executed, validated by the
// program that reads it, compared with the output of the commands before it, or marked with
// the reason why it is not. testdata/README.md describes the marks.
package docs
