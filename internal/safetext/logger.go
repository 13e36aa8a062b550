// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package safetext

import (
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Logger returns a logger that cleans every message and every text in a field.
// Components wrap the logger they are given once, when they are made.
//
// The logger adds no stack trace: errors are about configurations, disks and the answers
// of others, and who reads them has not written the code. A panic is logged with its own.
func Logger(l *zap.Logger) *zap.Logger {
	return l.WithOptions(zap.AddStacktrace(zapcore.FatalLevel), zap.WrapCore(func(c zapcore.Core) zapcore.Core {
		if _, ok := c.(core); ok {
			return c
		}
		return core{c}
	}))
}

// core cleans the entries that it passes on.
type core struct{ zapcore.Core }

// DropInjectedAttributes returns a core without what the collector adds to the lines of
// one instance of a component. See package sharedlog.
func (c core) DropInjectedAttributes(keys ...string) zapcore.Core {
	if i, ok := c.Core.(interface {
		DropInjectedAttributes(keys ...string) zapcore.Core
	}); ok {
		return core{i.DropInjectedAttributes(keys...)}
	}
	return c
}

// With implements zapcore.Core.
func (c core) With(fields []zapcore.Field) zapcore.Core {
	return core{c.Core.With(cleanFields(fields))}
}

// Check implements zapcore.Core.
func (c core) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write implements zapcore.Core. The core below decides by itself what it takes,
// for example by sampling.
func (c core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	e.Message = Clean(e.Message)
	fields = cleanFields(fields)
	if ce := c.Core.Check(e, nil); ce != nil {
		ce.Write(fields...)
	}
	return nil
}

// cleanFields returns fields with safe texts. The slice is the caller's, so it is
// copied before anything in it changes.
func cleanFields(fields []zapcore.Field) []zapcore.Field {
	copied := false
	for i, f := range fields {
		text, ok := textOf(f)
		if !ok {
			continue
		}
		if !copied {
			fields, copied = append([]zapcore.Field(nil), fields...), true
		}
		fields[i] = zap.String(f.Key, Lines(text))
	}
	return fields
}

// textOf returns the text of a field that holds any. The encoders of logs escape
// line feeds in fields, and no other unsafe character above U+001F.
func textOf(f zapcore.Field) (text string, ok bool) {
	defer func() {
		if recover() != nil { // a nil pointer with a method, which zap shows as nil
			text, ok = "<nil>", true
		}
	}()
	switch f.Type {
	case zapcore.StringType:
		return f.String, !isPlain(f.String)
	case zapcore.ByteStringType:
		return string(f.Interface.([]byte)), true
	case zapcore.ErrorType:
		return f.Interface.(error).Error(), true
	case zapcore.StringerType:
		return f.Interface.(fmt.Stringer).String(), true
	case zapcore.ReflectType, zapcore.ArrayMarshalerType, zapcore.ObjectMarshalerType, zapcore.InlineMarshalerType:
		// What has no unsafe character stays structured.
		text = encode(f)
		return text, Lines(text) != text
	}
	return "", false
}

// encode returns a structured field as JSON.
func encode(f zapcore.Field) string {
	enc := zapcore.NewJSONEncoder(zapcore.EncoderConfig{})
	buf, err := enc.EncodeEntry(zapcore.Entry{}, []zapcore.Field{f})
	if err != nil {
		return fmt.Sprintf("%v", f.Interface)
	}
	defer buf.Free()
	return buf.String()
}
