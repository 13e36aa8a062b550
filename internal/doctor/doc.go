// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package doctor examines an agent and its machine, and names what keeps data from arriving at the gateway:
// each finding has a stable ID, what was seen, and the fix. It changes nothing, and no finding contains a
// secret.
package doctor
