// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package logfile

import (
	"os"
	"strconv"
	"strings"
)

// pathOf returns the present path of an open file, or "" if it was deleted.
func pathOf(f *os.File) string {
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	if err != nil || strings.HasSuffix(path, " (deleted)") {
		return ""
	}
	return path
}
