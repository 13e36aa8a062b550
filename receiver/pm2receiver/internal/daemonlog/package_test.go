// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package daemonlog

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
