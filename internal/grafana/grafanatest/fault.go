// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafanatest

import (
	"net/http"
)

// Fault replaces an answer.
type Fault struct {
	Status  int
	Message string
	Header  http.Header
	// Done is true if the request takes effect and only its answer is lost.
	Done bool
	// Drop closes the connection instead of answering.
	Drop bool
}
