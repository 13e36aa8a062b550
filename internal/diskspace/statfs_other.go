// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !linux && !darwin

package diskspace

import "os"

// Of reports false: this system is not supported.
func Of(string) (free Free, ok bool) { return Free{}, false }

// Taken returns the size of the file at path, or 0 if it does not exist.
func Taken(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
