// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package memory remembers what tenants' remote writers send apart from samples: the
// metadata of metric families, the labels of target_info, and exemplars whose sample is
// in another request.
package memory
