// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2corpus

import (
	"regexp"

	"go.opentelemetry.io/collector/pdata/plog"
)

// The output of console.log and morgan in the corpus has a level and a time in its text, although
// no logger wrote them as fields.
var (
	consoleTag  = regexp.MustCompile(`^(?:\[(\d{4}-\d\d-\d\dT[\d:.]+Z)\] )?(WARN|INFO):? `)
	accessEntry = regexp.MustCompile(`^[0-9a-f:.]+ - - \[[^\]]+\] "[A-Z]+ [^"]*" (\d)\d\d \d+ "`)
)

// textLevel returns the severity in the text of a line.
func (e *Expected) textLevel() (n plog.SeverityNumber, word string) {
	if m := accessEntry.FindStringSubmatch(e.left()); m != nil {
		switch m[1] {
		case "5":
			return plog.SeverityNumberError, ""
		case "4":
			return plog.SeverityNumberWarn, ""
		}
		return plog.SeverityNumberInfo, ""
	}
	m := consoleTag.FindStringSubmatch(e.left())
	if m == nil {
		return 0, ""
	}
	if m[2] == "WARN" {
		return plog.SeverityNumberWarn, m[2]
	}
	return plog.SeverityNumberInfo, m[2]
}

// textTime returns the time in the text of a line, if it has one.
func (e *Expected) textTime() string {
	if m := consoleTag.FindStringSubmatch(e.left()); m != nil {
		return m[1]
	}
	return ""
}
