// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package agentinstall finds out what an installed agent runs with: its systemd unit with drop-ins, its
// environment, and its configuration with every reference resolved. It runs no program and changes nothing.
package agentinstall
