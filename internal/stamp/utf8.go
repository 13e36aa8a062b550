// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/xpdata"
	"go.opentelemetry.io/collector/pdata/xpdata/entity"

	"github.com/otelcol-tenant/otelcol-tenant/internal/validtext"
)

// utf8Repair replaces invalid UTF-8 in strings by U+FFFD. OTLP requires UTF-8, pdata does
// not, and backends reject a whole request for one byte. It does not allocate if everything
// is valid.
type utf8Repair struct{ strings int } // that were changed

// repair returns s, or s with each run of invalid bytes replaced.
func (r *utf8Repair) repair(s string) (repaired string, changed bool) {
	if validtext.String(s) {
		return s, false
	}
	r.strings++
	return strings.ToValidUTF8(s, "\uFFFD"), true
}

// field repairs a string with its getter and setter.
func (r *utf8Repair) field(s string, set func(string)) {
	if !validtext.String(s) {
		repaired, _ := r.repair(s)
		set(repaired)
	}
}

func (r *utf8Repair) attributes(m pcommon.Map) {
	keys := true
	for key, v := range m.All() {
		keys = keys && validtext.String(key)
		r.value(v)
	}
	if !keys {
		r.keys(m)
	}
}

// keys repairs the keys of m, and keeps their order. Keys that become equal stay separate,
// because attributes are a list in OTLP.
func (r *utf8Repair) keys(m pcommon.Map) {
	var b xpdata.MapBuilder // Map itself looks for each new key among all others
	b.EnsureCapacity(m.Len())
	for key, v := range m.All() {
		key, _ = r.repair(key)
		v.MoveTo(b.AppendEmpty(key))
	}
	b.UnsafeIntoMap(m)
}

func (r *utf8Repair) value(v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		if s := v.Str(); !validtext.String(s) {
			s, _ = r.repair(s)
			v.SetStr(s)
		}
	case pcommon.ValueTypeMap:
		r.attributes(v.Map())
	case pcommon.ValueTypeSlice:
		for _, element := range v.Slice().All() {
			r.value(element)
		}
	default: // numbers, booleans and bytes
	}
}

func (r *utf8Repair) texts(s pcommon.StringSlice) {
	for i := range s.Len() {
		if repaired, changed := r.repair(s.At(i)); changed {
			s.SetAt(i, repaired)
		}
	}
}

func (r *utf8Repair) resource(resource pcommon.Resource) {
	r.attributes(resource.Attributes())
	for _, ref := range entity.ResourceEntityRefs(resource).All() {
		r.field(ref.SchemaUrl(), ref.SetSchemaUrl)
		r.field(ref.Type(), ref.SetType)
		r.texts(ref.IdKeys())
		r.texts(ref.DescriptionKeys())
	}
}

func (r *utf8Repair) scope(scope pcommon.InstrumentationScope) {
	r.field(scope.Name(), scope.SetName)
	r.field(scope.Version(), scope.SetVersion)
	r.attributes(scope.Attributes())
}

func (r *utf8Repair) record(record plog.LogRecord) {
	r.field(record.SeverityText(), record.SetSeverityText)
	r.field(record.EventName(), record.SetEventName)
	r.value(record.Body())
	r.attributes(record.Attributes())
}

func (r *utf8Repair) span(span ptrace.Span) {
	r.field(span.Name(), span.SetName)
	r.field(span.TraceState().AsRaw(), span.TraceState().FromRaw)
	r.field(span.Status().Message(), span.Status().SetMessage)
	r.attributes(span.Attributes())
	for _, event := range span.Events().All() {
		r.field(event.Name(), event.SetName)
		r.attributes(event.Attributes())
	}
	for _, link := range span.Links().All() {
		r.field(link.TraceState().AsRaw(), link.TraceState().FromRaw)
		r.attributes(link.Attributes())
	}
}

func (r *utf8Repair) metric(metric pmetric.Metric) {
	r.field(metric.Name(), metric.SetName)
	r.field(metric.Description(), metric.SetDescription)
	r.field(metric.Unit(), metric.SetUnit)
	r.attributes(metric.Metadata())
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		r.numbers(metric.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		r.numbers(metric.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		for _, point := range metric.Histogram().DataPoints().All() {
			r.attributes(point.Attributes())
			r.exemplars(point.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, point := range metric.ExponentialHistogram().DataPoints().All() {
			r.attributes(point.Attributes())
			r.exemplars(point.Exemplars())
		}
	case pmetric.MetricTypeSummary:
		for _, point := range metric.Summary().DataPoints().All() {
			r.attributes(point.Attributes())
		}
	case pmetric.MetricTypeEmpty:
	}
}

func (r *utf8Repair) numbers(points pmetric.NumberDataPointSlice) {
	for _, point := range points.All() {
		r.attributes(point.Attributes())
		r.exemplars(point.Exemplars())
	}
}

func (r *utf8Repair) exemplars(exemplars pmetric.ExemplarSlice) {
	for _, exemplar := range exemplars.All() {
		r.attributes(exemplar.FilteredAttributes())
	}
}
