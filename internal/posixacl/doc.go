// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package posixacl grants and revokes the access of one user in POSIX access control lists. It never extends
// what anyone else may do.
package posixacl
