// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package storageclient_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func namedPipe(t *testing.T, path string) { require.NoError(t, syscall.Mkfifo(path, 0o600)) }
