// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !unix

package atomicfile

import (
	"io/fs"
	"os"
)

func keepOwner(*os.File, fs.FileInfo) error { return nil }

// syncDir does nothing: a folder cannot be synced here.
func syncDir(string) error { return nil }
