// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package daemonlog

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/envelope"
)

// Event is what a message of the daemon reports.
type Event struct {
	// Name is the event name, or empty for an unknown message.
	Name string
	// App and ID identify the process. If the message does not, App is empty and ID is
	// envelope.NoProcess.
	App string
	ID  int64
	// Replaced is set for the process that a reload has replaced, which has the number of the
	// new one.
	Replaced bool
	// Severity is that of the event, if it is higher than PM2's level.
	Severity plog.SeverityNumber
	// Attributes are the other values in the message.
	Attributes []Attribute
	// afterExit is set for a message that does not name its process and follows the message
	// about the exit of that process.
	afterExit bool
}

// Attribute is one attribute of an event.
type Attribute struct {
	Key   string
	Value any // string, int64 or float64
}

func (e *Event) put(attrs pcommon.Map) {
	for _, a := range e.Attributes {
		switch v := a.Value.(type) {
		case string:
			attrs.PutStr(a.Key, v)
		case int64:
			attrs.PutInt(a.Key, v)
		case float64:
			attrs.PutDouble(a.Key, v)
		}
	}
}

// Names of the attributes of events.
const (
	attributeExitCode    = "process.exit.code"
	attributePID         = "process.pid"
	attributeFilePath    = "file.path"
	attributeSignal      = "pm2.process.exit.signal"
	attributeExecMode    = "pm2.process.exec_mode"
	attributeMemory      = "pm2.process.memory.usage"
	attributeMemoryLimit = "pm2.process.memory.limit"
	attributeDelay       = "pm2.process.restart_delay"
	attributeScript      = "pm2.process.script"
	attributeUnstable    = "pm2.process.unstable_restarts"
	attributeReplaced    = "pm2.process.replaced"
)

// ParseEvent parses the text of a [Message]. An unknown text is an event without a name.
func ParseEvent(text string) Event {
	for i := range forms {
		if f, ok := fields(text, forms[i].parts); ok {
			if e, ok := forms[i].read(f); ok {
				e.Name = forms[i].name
				return e
			}
		}
	}
	// All other messages begin with their process.
	if f, ok := fields(text, []string{"App [", "] ", ""}); ok {
		if e, ok := process(f[0]); ok {
			return e
		}
	}
	return Event{ID: envelope.NoProcess}
}

// fields returns the texts between the parts of a form. The first part is the beginning of the
// text, and the last one its end. A field is as long as possible, because names may contain
// anything.
func fields(text string, parts []string) ([]string, bool) {
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return nil, false
	}
	last := len(parts) - 1
	if rest, ok = strings.CutSuffix(rest, parts[last]); !ok {
		return nil, false
	}
	out := make([]string, last)
	for i := last; i > 1; i-- {
		at := strings.LastIndex(rest, parts[i-1])
		if at < 0 {
			return nil, false
		}
		out[i-1], rest = rest[at+len(parts[i-1]):], rest[:at]
	}
	out[0] = rest
	return out, true
}

// process parses `name:id`.
func process(text string) (Event, bool) {
	at := strings.LastIndexByte(text, ':')
	if at <= 0 {
		return Event{}, false
	}
	return named(text[:at], text[at+1:])
}

// named parses a number as PM2 writes it: `3`, or `_old_3` for a process that a reload has
// replaced.
func named(app, id string) (Event, bool) {
	digits, replaced := strings.CutPrefix(id, "_old_")
	n, ok := number(digits)
	if !ok || app == "" {
		return Event{}, false
	}
	return Event{App: app, ID: n, Replaced: replaced}, true
}

func number(digits string) (int64, bool) {
	n, err := strconv.ParseUint(digits, 10, 63)
	return int64(n), err == nil && digits[0] != '+' //nolint:gosec // of 63 bits
}

func (e Event) with(key string, value any) Event {
	e.Attributes = append(e.Attributes, Attribute{key, value})
	return e
}

// withNumber adds an attribute that is a number, if it is one.
func (e Event) withNumber(key, digits string) Event {
	if n, ok := number(digits); ok {
		return e.with(key, n)
	}
	return e
}
