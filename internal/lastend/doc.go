// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package lastend finds out how the previous process ended: by a shutdown, by its own fault,
// because memory was exhausted, or by a kill or a power failure.
//
// A process cannot record why it ends when its stack overflows or the kernel kills it because
// memory is exhausted. Therefore the Go runtime writes crash output to a file, and a record
// has the number of processes that the kernel had killed for memory when the process started.
// An end that leaves neither trace counts as a kill, which is no fault of the process.
package lastend
