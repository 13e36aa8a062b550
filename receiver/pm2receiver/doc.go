// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package pm2receiver reads the log files of PM2: one record for each line that an
// application wrote, whatever PM2 wrapped around it.
package pm2receiver
