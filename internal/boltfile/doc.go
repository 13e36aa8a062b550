// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package boltfile detects damage in a file of the file_storage extension before
// the extension opens it.
//
// The extension keeps one bbolt database per client. When bbolt opens a file, it looks
// for its free pages in a goroutine of its own. A panic there, on a page that makes no sense, ends
// the process, and does so at every start. bbolt also takes a file that was truncated to nothing for a new
// one. A component that has to start without the file inspects it first: [Locate] returns its path,
// [Inspect] reports what is wrong with it, and [SetAside] renames it.
package boltfile
