// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package safepath opens files and folders of users who may be hostile, for a process of root that changes
// their permissions. It follows no link that such a user can replace.
package safepath
