// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !linux

package logfile

import "os"

// pathOf returns "": this system does not provide the path of an open file.
func pathOf(*os.File) string { return "" }
