// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !unix

package logfile

import "io/fs"

// StatusOf returns the status in info.
func StatusOf(info fs.FileInfo) Status {
	return Status{Size: info.Size(), Modified: info.ModTime().UnixNano(), Links: 1}
}
