// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

// Format is how a container's output is written.
type Format string

// Formats.
const (
	// Auto detects the logs of containers by the path and the lines of a file.
	Auto Format = "auto"
	// Docker is the format of Docker's json-file driver.
	Docker Format = "docker"
	// CRI is the format of the kubelet's runtimes.
	CRI Format = "cri"
	// None is the format of files that are not the logs of containers.
	None Format = "none"
)
