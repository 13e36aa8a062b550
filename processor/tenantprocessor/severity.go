package tenantprocessor

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

// severityKeys are the attributes in which loggers put their level.
var severityKeys = [...]string{"severity", "level", "log.level"}

// normalizeSeverity puts the severity text in step with the number, and finds the
// number if there is none: in the text, then in the attributes. It reports false
// if the record names a severity that nobody knows; such a record keeps its text.
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

// findSeverity returns the first severity it understands. named tells whether
// there was any to understand.
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
