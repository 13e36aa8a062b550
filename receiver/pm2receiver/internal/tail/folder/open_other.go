// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !unix

package folder

import "os"

const openFlags = os.O_RDONLY
