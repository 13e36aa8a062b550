// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package storagecheckextension checks the files of file_storage before components open them, and
// sets damaged files aside, so that a collector starts after a power failure or a disk fault.
package storagecheckextension
