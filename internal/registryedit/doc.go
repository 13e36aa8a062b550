// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package registryedit edits registry files.
//
// A [Document] is the text of a file. Changes replace only the lines that change,
// so that comments, order and layout of everything else stay. [Edit] and its
// variants change a file: under a lock, atomically, and with a [Journal] together
// with an entry in a log.
package registryedit
