// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package asuser finds out what another user may read. The kernel decides, so that modes, groups, ACLs and
// mount options all count.
package asuser
