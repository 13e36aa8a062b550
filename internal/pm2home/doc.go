// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package pm2home finds the home folders of the PM2 daemons of all users of a machine.
package pm2home
