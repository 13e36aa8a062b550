// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package slab

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/xpdata/pref"
)

// With the gate, pdata puts the parts of records into pools when their last reference is
// dropped, and takes new parts from there. Parts of a slab must bear that: what is made of
// them later must not show through in records that are still used.
func TestSlab_WithProtoPooling(t *testing.T) {
	gate := pref.UseProtoPooling
	before := gate.IsEnabled()
	require.NoError(t, featuregate.GlobalRegistry().Set(gate.ID(), true))
	t.Cleanup(func() { require.NoError(t, featuregate.GlobalRegistry().Set(gate.ID(), before)) })

	data := []byte(strings.Repeat("\x05\x11\x03\x0b\x04\x04\x06\x05\x05\x02\x00\x09\x01\x2a", 60))
	build := func() plog.Logs {
		return (&builder{data, New(Usage{Text: 100, Records: 3, Fields: 40, Strings: 20})}).build()
	}
	kept := build()
	want := marshal(t, kept)
	for range 20 {
		logs := build()
		require.Equal(t, want, marshal(t, logs))
		copied := plog.NewLogs()
		logs.CopyTo(copied)
		change(copied)
		pref.RefLogs(logs)
		pref.UnrefLogs(logs)
		runtime.GC()
		require.Equal(t, want, marshal(t, kept), "records that are still used have changed")
	}
}
