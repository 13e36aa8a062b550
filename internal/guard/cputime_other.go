// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !unix

package guard

import "time"

// processTime returns 0: the processor time of the process is not known.
func processTime() time.Duration { return 0 }
