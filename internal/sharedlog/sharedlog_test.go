// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package sharedlog

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// collectorCore has the method that the collector's core has.
type collectorCore struct {
	zapcore.Core
	bare    zapcore.Core
	dropped *[]string
}

func (c collectorCore) DropInjectedAttributes(keys ...string) zapcore.Core {
	*c.dropped = keys
	return c.bare
}

func TestLogger_DropsFieldsOfOneSignal(t *testing.T) {
	bare, logs := observer.New(zap.InfoLevel)
	var dropped []string
	l := zap.New(collectorCore{bare.With([]zap.Field{zap.String("otelcol.signal", "metrics")}), bare, &dropped})
	Logger(l).Info("x")
	require.Equal(t, 1, logs.Len())
	assert.Empty(t, logs.All()[0].ContextMap())
	assert.Equal(t, []string{"otelcol.signal", "otelcol.pipeline.id"}, dropped)
}

func TestLogger_KeepsOtherFields(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	Logger(zap.New(core).With(zap.String("k", "v"))).Info("x")
	require.Equal(t, 1, logs.Len())
	assert.Equal(t, map[string]any{"k": "v"}, logs.All()[0].ContextMap())
}
