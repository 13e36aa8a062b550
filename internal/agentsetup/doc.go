// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package agentsetup makes an installed agent work on a machine: it writes the key and the environment, grants
// the agent's user access to the logs of PM2, starts the service, and waits until the gateway has accepted
// records. Each step changes only what is not as it should be.
package agentsetup
