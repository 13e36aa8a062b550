// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2corpus

import (
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// FromLogs returns the lines of the pm2 receiver's records, in their order. The
// text is log.record.original, or the body of a record that has none.
func FromLogs(all ...plog.Logs) []Line {
	var lines []Line
	for _, ld := range all {
		for _, rl := range ld.ResourceLogs().All() {
			process := processID(rl.Resource().Attributes())
			for _, sl := range rl.ScopeLogs().All() {
				for _, rec := range sl.LogRecords().All() {
					lines = append(lines, fromRecord(process, rec))
				}
			}
		}
	}
	return lines
}

func processID(resource pcommon.Map) *int {
	v, ok := resource.Get("pm2.process.id")
	if !ok {
		return nil
	}
	id, err := strconv.Atoi(v.AsString())
	if err != nil {
		id = -1 // which no process has
	}
	return &id
}

func fromRecord(process *int, rec plog.LogRecord) Line {
	l := Line{Text: rec.Body().AsString(), ProcessID: process, Fields: &Fields{
		Severity: rec.SeverityNumber(), SeverityText: rec.SeverityText(),
		TraceID: rec.TraceID().String(), SpanID: rec.SpanID().String(),
	}}
	if v, ok := rec.Attributes().Get("log.record.original"); ok {
		l.Text = v.AsString()
	}
	if v, ok := rec.Attributes().Get("log.iostream"); ok {
		l.Stream = v.AsString()
	}
	if v, ok := rec.Attributes().Get("log.file.name"); ok {
		l.File = v.AsString()
	}
	if rec.Timestamp() != 0 {
		l.Fields.Time = rec.Timestamp().AsTime()
	}
	return l
}
