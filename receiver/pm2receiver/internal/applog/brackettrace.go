// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"

	"go.opentelemetry.io/collector/pdata/plog"
)

// bracketTrace finds the trace and span that Spring writes in brackets: [name,trace,span],
// with true or false behind it in old versions, and [trace-span].
func bracketTrace(line []byte, rec plog.LogRecord) {
	line = line[:min(len(line), headSize)]
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], '[')
		if i < 0 {
			return
		}
		from += i + 1
		shut := bytes.IndexByte(line[from:], ']')
		if shut < 0 {
			return
		}
		content := line[from : from+shut]
		from += shut
		exported := []byte(nil)
		if _, behind, named := bytes.Cut(content, []byte(",")); named {
			content = behind
			if comma := bytes.IndexByte(content, ','); comma >= 0 {
				if next := bytes.IndexByte(content[comma+1:], ','); next >= 0 {
					exported = content[comma+1+next+1:]
					content = content[:comma+1+next]
				}
			}
		} else if len(content) != 32+1+16 {
			continue
		}
		size := len(content) - 1 - 16
		if size != 32 && size != 16 || content[size] != ',' && content[size] != '-' {
			continue
		}
		sampled, known := readSampled(exported)
		if len(exported) > 0 && !known {
			continue
		}
		trace, _, ok := readTraceID(content[:size], false)
		span, _, is := readSpanID(content[size+1:], false)
		if ok && is {
			rec.SetTraceID(trace)
			rec.SetSpanID(span)
			if sampled {
				rec.SetFlags(1)
			}
			return
		}
	}
}
