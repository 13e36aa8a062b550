// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package sharedlog adapts loggers for components that have one instance for several signals.
//
// The collector gives the component of each signal a logger that names the signal. A shared
// instance is created with the first of these loggers, and would name that signal in every
// line.
package sharedlog

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// The attributes that the collector adds for one signal.
const (
	signalKey   = "otelcol.signal"
	pipelineKey = "otelcol.pipeline.id"
)

// injector is the core of the collector's loggers, and of those of package safetext.
type injector interface {
	DropInjectedAttributes(keys ...string) zapcore.Core
}

// Logger returns l without the attributes of one signal.
func Logger(l *zap.Logger) *zap.Logger {
	return l.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
		if i, ok := c.(injector); ok {
			return i.DropInjectedAttributes(signalKey, pipelineKey)
		}
		return c
	}))
}
