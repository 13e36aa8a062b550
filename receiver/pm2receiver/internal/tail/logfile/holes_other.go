// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !linux

package logfile

// NextData implements File. This system does not report holes.
func (plainFile) NextData(offset int64) int64 { return offset }
