// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package installtest installs, upgrades and removes the packages of make packages on clean
// Debian machines, and runs the image of make image.
package installtest
