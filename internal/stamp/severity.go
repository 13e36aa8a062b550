// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

// severityKeys are the attributes in which loggers store their level.
var severityKeys = [...]string{"severity", "level", "log.level"}

// normalizeSeverity sets the severity text to the name of the number. If there is no
// number it takes it from the text, then from the attributes. It returns false if the
// record names an unknown severity; such a record keeps its text.
func normalizeSeverity(record plog.LogRecord) (known bool) {
	if word := severity.Name(record.SeverityNumber()); word != "" {
		setSeverityText(record, word)
		return true
	}
	number, named := findSeverity(record)
	record.SetSeverityNumber(number)
	if number == plog.SeverityNumberUnspecified {
		return !named
	}
	setSeverityText(record, severity.Name(number))
	return true
}

func setSeverityText(record plog.LogRecord, word string) {
	if record.SeverityText() != word {
		record.SetSeverityText(word)
	}
}

// findSeverity returns the first severity that is known. named reports whether the record
// names one at all.
func findSeverity(record plog.LogRecord) (number plog.SeverityNumber, named bool) {
	named = record.SeverityNumber() != plog.SeverityNumberUnspecified // out of range
	if text := record.SeverityText(); text != "" {
		if number, ok := severity.FromText(text); ok {
			return number, true
		}
		named = named || strings.TrimSpace(text) != ""
	}
	attributes := record.Attributes()
	for _, key := range severityKeys {
		v, ok := attributes.Get(key)
		if !ok {
			continue
		}
		if number, ok := severityOf(v); ok {
			return number, true
		}
		named = true
	}
	return plog.SeverityNumberUnspecified, named
}

func severityOf(v pcommon.Value) (plog.SeverityNumber, bool) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return severity.FromText(v.Str())
	case pcommon.ValueTypeInt:
		return severity.FromLevel(float64(v.Int()))
	case pcommon.ValueTypeDouble:
		return severity.FromLevel(v.Double())
	}
	return 0, false
}
