// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package remedy says what an answer of a gateway, or of a proxy in front of it, means to the
// machine that sent the request, and what to do first. The agent's /health and `tenantctl doctor`
// say the same. [Of] knows each reason of package rejection by the text of the answer; the status
// decides about an answer that is not of a gateway.
package remedy
