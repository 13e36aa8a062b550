// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestConditions_OfAFullDisk fills the disk of the agent's queue while the gateway is away.
func TestConditions_OfAFullDisk(t *testing.T) {
	gateway := &fake{addr: addresses(t, 1)[0], answer: answers(http.StatusOK, "")}
	a := newAiling(t, "http://"+gateway.addr)
	a.appears()
	smallDisk(t, a.state, "24m")
	a.run()
	empty := fill(t, a.state)
	require.Eventually(t, func() bool { return a.post(20_000) != http.StatusOK }, time.Minute, 10*time.Millisecond)
	a.ails("storage_full", "are free")
	gateway.listen(t)
	empty()
	a.recoversAfterDisk()
	a.stop()
}

// recoversAfterDisk sends until the disk is considered free again, 30 s after the last
// rejection.
func (a *ailing) recoversAfterDisk() {
	a.t.Helper()
	require.Eventually(a.t, func() bool { return a.post(10) == http.StatusOK }, time.Minute, 50*time.Millisecond)
	a.recovers("storage_full")
}
