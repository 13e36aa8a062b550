// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package healthboard is how components report their state to the extension that
// shows it. A [Board] is found at run time; those that report do not know the
// extension.
package healthboard
