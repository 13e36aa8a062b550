// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package grafanatest

// Dashboard is a stored dashboard.
type Dashboard struct {
	Folder  string
	Model   map[string]any
	Version int
}
