// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package safetext

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// dropping is a core with the method of the collector's.
type dropping struct{ zapcore.Core }

func (d dropping) DropInjectedAttributes(keys ...string) zapcore.Core {
	return dropping{d.With([]zap.Field{zap.Strings("dropped", keys)})}
}

func TestLogger_DropsInjectedAttributesBelow(t *testing.T) {
	observed, logs := observer.New(zap.InfoLevel)
	for _, c := range []zapcore.Core{dropping{observed}, observed} {
		l := Logger(zap.New(c)).WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
			return c.(interface {
				DropInjectedAttributes(keys ...string) zapcore.Core
			}).DropInjectedAttributes("otelcol.signal")
		}))
		l.Info("forged\x1b[31m")
	}
	all := logs.All()
	assert.Equal(t, map[string]any{"dropped": []any{"otelcol.signal"}}, all[0].ContextMap())
	assert.Empty(t, all[1].ContextMap(), "a core of others stays as it is")
	assert.Equal(t, "forged [31m", all[0].Message, "it is still cleaned")
}

func TestLogger_AddsNoStackTrace(t *testing.T) {
	observed, logs := observer.New(zap.InfoLevel)
	Logger(zap.New(observed, zap.AddStacktrace(zap.WarnLevel))).Error("the operator's mistake")
	assert.Empty(t, logs.All()[0].Stack)
}
