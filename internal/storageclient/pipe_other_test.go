// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !unix

package storageclient_test

import "testing"

func namedPipe(t *testing.T, _ string) { t.Skip("there are no named pipes in directories") }
