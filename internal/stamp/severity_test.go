// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

func TestNormalizeSeverity(t *testing.T) {
	type attributes map[string]any
	for _, tt := range []struct {
		name       string
		number     plog.SeverityNumber
		text       string
		attributes attributes
		wantNumber plog.SeverityNumber
		wantText   string
		unknown    bool
	}{
		{name: "number alone", number: plog.SeverityNumberWarn3, wantNumber: plog.SeverityNumberWarn3, wantText: "warn"},
		{name: "number and text agree", number: plog.SeverityNumberError, text: "ERROR", wantNumber: plog.SeverityNumberError, wantText: "error"},
		{name: "number keeps what its word says finer", number: plog.SeverityNumberInfo2, text: "NOTICE", wantNumber: plog.SeverityNumberInfo2, wantText: "info"},
		{name: "number wins over text", number: plog.SeverityNumberDebug, text: "fatal", wantNumber: plog.SeverityNumberDebug, wantText: "debug"},
		{name: "number wins over attributes", number: plog.SeverityNumberDebug, attributes: attributes{"level": "fatal"}, wantNumber: plog.SeverityNumberDebug, wantText: "debug"},
		{name: "text alone", text: "Warning", wantNumber: plog.SeverityNumberWarn, wantText: "warn"},
		{name: "text is a level number", text: "50", wantNumber: plog.SeverityNumberError, wantText: "error"},
		{name: "text wins over attributes", text: "info", attributes: attributes{"severity": "error"}, wantNumber: plog.SeverityNumberInfo, wantText: "info"},
		{name: "attribute severity", attributes: attributes{"severity": "err"}, wantNumber: plog.SeverityNumberError, wantText: "error"},
		{name: "attribute level as pino's number", attributes: attributes{"level": 30}, wantNumber: plog.SeverityNumberInfo, wantText: "info"},
		{name: "attribute level as a float", attributes: attributes{"level": 60.0}, wantNumber: plog.SeverityNumberFatal, wantText: "fatal"},
		{name: "attribute log.level", attributes: attributes{"log.level": "TRACE"}, wantNumber: plog.SeverityNumberTrace, wantText: "trace"},
		{name: "severity before level", attributes: attributes{"severity": "error", "level": "info"}, wantNumber: plog.SeverityNumberError, wantText: "error"},
		{name: "unknown text, known attribute", text: "custom", attributes: attributes{"level": "warn"}, wantNumber: plog.SeverityNumberWarn, wantText: "warn"},
		{name: "unknown attribute, known attribute", attributes: attributes{"severity": "custom", "level": 40}, wantNumber: plog.SeverityNumberWarn, wantText: "warn"},
		{name: "unknown text stays", text: "Custom", wantText: "Custom", unknown: true},
		{name: "unknown attribute", attributes: attributes{"level": "custom"}, unknown: true},
		{name: "attribute of another type", attributes: attributes{"level": true}, unknown: true},
		{name: "number above the range", number: 99, text: "warn", wantNumber: plog.SeverityNumberWarn, wantText: "warn"},
		{name: "number above the range alone", number: 99, unknown: true},
		{name: "number below the range alone", number: -1, unknown: true},
		{name: "no severity"},
		{name: "blank text is no severity", text: "  ", wantText: "  "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			record := plog.NewLogRecord()
			record.SetSeverityNumber(tt.number)
			record.SetSeverityText(tt.text)
			require.NoError(t, record.Attributes().FromRaw(tt.attributes))

			assert.Equal(t, !tt.unknown, normalizeSeverity(record))
			assert.Equal(t, tt.wantNumber, record.SeverityNumber())
			assert.Equal(t, tt.wantText, record.SeverityText())
			assert.Equal(t, len(tt.attributes), record.Attributes().Len(), "attributes stay")

			again := plog.NewLogRecord()
			record.CopyTo(again)
			normalizeSeverity(again)
			assert.Equal(t, record, again, "twice is once")
		})
	}
}

func FuzzNormalizeSeverity(f *testing.F) {
	f.Add(int32(0), "warn", "info", int64(30))
	f.Add(int32(99), "", "", int64(-1))
	f.Add(int32(17), "Ünknown", "ERR", int64(55))
	f.Fuzz(func(t *testing.T, number int32, text, level string, logLevel int64) {
		record := plog.NewLogRecord()
		record.SetSeverityNumber(plog.SeverityNumber(number))
		record.SetSeverityText(text)
		record.Attributes().PutStr("level", level)
		record.Attributes().PutInt("log.level", logLevel)
		known := normalizeSeverity(record)
		if n := record.SeverityNumber(); n != 0 {
			assert.True(t, known)
			assert.NotEmpty(t, severity.Name(n), "the number is in range")
			assert.Equal(t, severity.Name(n), record.SeverityText(), "the text is in step")
		} else {
			assert.False(t, known)
			assert.Equal(t, text, record.SeverityText())
		}
	})
}
