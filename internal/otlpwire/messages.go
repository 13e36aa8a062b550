// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

const (
	logsRequest messageID = iota
	resourceLogs
	scopeLogs
	logRecord
	metricsRequest
	resourceMetrics
	scopeMetrics
	metric
	gauge
	sum
	histogram
	exponentialHistogram
	summary
	numberPoint
	histogramPoint
	exponentialPoint
	exponentialBuckets
	summaryPoint
	quantile
	exemplar
	tracesRequest
	resourceSpans
	scopeSpans
	span
	spanEvent
	spanLink
	spanStatus
	resource
	entityRef
	scope
	keyValue
	anyValue
	arrayValue
	keyValueList
	numMessages
)

// messages is the schema of OTLP as pdata knows it. Sizes are those of pdata's
// structs, rounded up to what the Go runtime allocates.
var messages = [numMessages]message{
	logsRequest: define(as(roleResources, list(1, "resourceLogs", resourceLogs, 0, 128))),
	resourceLogs: define(
		as(roleResource, part(1, "resource", resource, 2)),
		as(roleScopes, list(2, "scopeLogs", scopeLogs, 0, 112)),
		text(3, "schemaUrl"),
		as(roleDeprecated, list(deprecatedField, "deprecatedScopeLogs", scopeLogs, 1, 112)),
	),
	scopeLogs: define(
		part(1, "scope", scope, 1),
		as(roleRecord, list(2, "logRecords", logRecord, 0, 128)),
		text(3, "schemaUrl"),
	),
	logRecord: define(
		marked(markTime, fixed64(1, "timeUnixNano")),
		marked(markSeverityNumber, enum(2, "severityNumber", severityNumbers)),
		marked(markSeverityText, text(3, "severityText")),
		part(5, "body", anyValue, 0),
		attributes(6, "attributes", 0),
		uvar32(7, "droppedAttributesCount"),
		fixed32(8, "flags"),
		id(9, "traceId", 16),
		id(10, "spanId", 8),
		marked(markObserved, fixed64(11, "observedTimeUnixNano")),
		text(12, "eventName"),
	),

	metricsRequest: define(as(roleResources, list(1, "resourceMetrics", resourceMetrics, 0, 128))),
	resourceMetrics: define(
		as(roleResource, part(1, "resource", resource, 2)),
		as(roleScopes, list(2, "scopeMetrics", scopeMetrics, 0, 112)),
		text(3, "schemaUrl"),
		as(roleDeprecated, list(deprecatedField, "deprecatedScopeMetrics", scopeMetrics, 1, 112)),
	),
	scopeMetrics: define(
		part(1, "scope", scope, 1),
		as(roleMetric, list(2, "metrics", metric, 0, 96)),
		text(3, "schemaUrl"),
	),
	metric: define(
		text(1, "name"),
		text(2, "description"),
		text(3, "unit"),
		metricData(5, "gauge", gauge, 24),
		metricData(7, "sum", sum, 32),
		metricData(9, "histogram", histogram, 32),
		metricData(10, "exponentialHistogram", exponentialHistogram, 32),
		metricData(11, "summary", summary, 24),
		attributes(12, "metadata", 0),
	),
	gauge: define(as(roleRecord, list(1, "dataPoints", numberPoint, 0, 96))),
	sum: define(
		as(roleRecord, list(1, "dataPoints", numberPoint, 0, 96)),
		marked(markTemporality, enum(2, "aggregationTemporality", temporalities)),
		number(3, "isMonotonic", kindBool, wireVarint),
	),
	histogram: define(
		as(roleRecord, list(1, "dataPoints", histogramPoint, 0, 160)),
		marked(markTemporality, enum(2, "aggregationTemporality", temporalities)),
	),
	exponentialHistogram: define(
		as(roleRecord, list(1, "dataPoints", exponentialPoint, 0, 192)),
		marked(markTemporality, enum(2, "aggregationTemporality", temporalities)),
	),
	summary: define(as(roleRecord, list(1, "dataPoints", summaryPoint, 0, 96))),
	numberPoint: define(
		fixed64(2, "startTimeUnixNano"),
		marked(markTime, fixed64(3, "timeUnixNano")),
		member(double(4, "asDouble"), numberSize),
		values(5, "exemplars", exemplar, 1, exemplarSize),
		orDouble("asDouble", member(number(6, "asInt", kindInt64, wireI64), numberSize)),
		attributes(7, "attributes", 0),
		uvar32(8, "flags"),
	),
	histogramPoint: define(
		fixed64(2, "startTimeUnixNano"),
		marked(markTime, fixed64(3, "timeUnixNano")),
		fixed64(4, "count"),
		double(5, "sum"),
		numbers(6, "bucketCounts", kindUint64, wireI64, 2),
		numbers(7, "explicitBounds", kindDouble, wireI64, 3),
		values(8, "exemplars", exemplar, 1, exemplarSize),
		attributes(9, "attributes", 0),
		uvar32(10, "flags"),
		double(11, "min"),
		double(12, "max"),
	),
	exponentialPoint: define(
		attributes(1, "attributes", 0),
		fixed64(2, "startTimeUnixNano"),
		marked(markTime, fixed64(3, "timeUnixNano")),
		fixed64(4, "count"),
		double(5, "sum"),
		number(6, "scale", kindInt32, wireVarint),
		fixed64(7, "zeroCount"),
		part(8, "positive", exponentialBuckets, 2),
		part(9, "negative", exponentialBuckets, 3),
		uvar32(10, "flags"),
		values(11, "exemplars", exemplar, 1, exemplarSize),
		double(12, "min"),
		double(13, "max"),
		double(14, "zeroThreshold"),
	),
	exponentialBuckets: define(
		number(1, "offset", kindInt32, wireVarint),
		numbers(2, "bucketCounts", kindUint64, wireVarint, 0),
	),
	summaryPoint: define(
		fixed64(2, "startTimeUnixNano"),
		marked(markTime, fixed64(3, "timeUnixNano")),
		fixed64(4, "count"),
		double(5, "sum"),
		list(6, "quantileValues", quantile, 1, 16),
		attributes(7, "attributes", 0),
		uvar32(8, "flags"),
	),
	quantile: define(double(1, "quantile"), double(2, "value")),
	exemplar: define(
		fixed64(2, "timeUnixNano"),
		member(double(3, "asDouble"), numberSize),
		id(4, "spanId", 8),
		id(5, "traceId", 16),
		orDouble("asDouble", member(number(6, "asInt", kindInt64, wireI64), numberSize)),
		attributes(7, "filteredAttributes", 0),
	),

	tracesRequest: define(as(roleResources, list(1, "resourceSpans", resourceSpans, 0, 128))),
	resourceSpans: define(
		as(roleResource, part(1, "resource", resource, 2)),
		as(roleScopes, list(2, "scopeSpans", scopeSpans, 0, 112)),
		text(3, "schemaUrl"),
		as(roleDeprecated, list(deprecatedField, "deprecatedScopeSpans", scopeSpans, 1, 112)),
	),
	scopeSpans: define(
		part(1, "scope", scope, 1),
		as(roleRecord, list(2, "spans", span, 0, 208)),
		text(3, "schemaUrl"),
	),
	span: define(
		marked(markTraceID, id(1, "traceId", 16)),
		marked(markSpanID, id(2, "spanId", 8)),
		text(3, "traceState"),
		id(4, "parentSpanId", 8),
		text(5, "name"),
		enum(6, "kind", spanKinds),
		fixed64(7, "startTimeUnixNano"),
		marked(markTime, fixed64(8, "endTimeUnixNano")),
		attributes(9, "attributes", 0),
		uvar32(10, "droppedAttributesCount"),
		list(11, "events", spanEvent, 1, 64),
		uvar32(12, "droppedEventsCount"),
		list(13, "links", spanLink, 2, 80),
		uvar32(14, "droppedLinksCount"),
		part(15, "status", spanStatus, 0),
		fixed32(16, "flags"),
	),
	spanEvent: define(
		fixed64(1, "timeUnixNano"),
		text(2, "name"),
		attributes(3, "attributes", 0),
		uvar32(4, "droppedAttributesCount"),
	),
	spanLink: define(
		id(1, "traceId", 16),
		id(2, "spanId", 8),
		text(3, "traceState"),
		attributes(4, "attributes", 0),
		uvar32(5, "droppedAttributesCount"),
		fixed32(6, "flags"),
	),
	spanStatus: define(text(2, "message"), enum(3, "code", statusCodes)),

	resource: define(
		content(1, "attributes", 0),
		uvar32(2, "droppedAttributesCount"),
		list(3, "entityRefs", entityRef, 1, 80),
	),
	entityRef: define(
		text(1, "schemaUrl"),
		text(2, "type"),
		texts(3, "idKeys", 0),
		texts(4, "descriptionKeys", 1),
	),
	scope: define(
		text(1, "name"),
		text(2, "version"),
		attributes(3, "attributes", 0),
		uvar32(4, "droppedAttributesCount"),
	),
	keyValue: define(
		text(1, "key"),
		part(2, "value", anyValue, 0),
		as(roleIndex, number(3, "keyStrindex", kindInt32, wireVarint)),
	),
	anyValue: define(
		member(text(1, "stringValue"), stringSize),
		member(number(2, "boolValue", kindBool, wireVarint), booleanSize),
		orDouble("doubleValue", member(number(3, "intValue", kindInt64, wireVarint), numberSize)),
		member(double(4, "doubleValue"), numberSize),
		as(roleNest, member(part(5, "arrayValue", arrayValue, 0), 32)),
		as(roleNest, member(part(6, "kvlistValue", keyValueList, 0), 32)),
		member(numbered{7, field{name: "bytesValue", kind: kindBytes, wire: wireLen}}, 24),
		as(roleIndex, member(number(8, "stringValueStrindex", kindInt32, wireVarint), numberSize)),
	),
	arrayValue:   define(values(1, "values", anyValue, 0, anyValueSize)),
	keyValueList: define(content(1, "values", 0)),
}

// metricData is one of the kinds of data of a metric, of size bytes. pdata keeps
// the last that occurs.
func metricData(number int, name string, child messageID, size int64) numbered {
	return as(roleReplace, member(part(number, name, child, 0), size+pointerSize))
}

// enumID is the index of an enumeration in the table of enums.
type enumID uint8

const (
	severityNumbers enumID = iota
	temporalities
	spanKinds
	statusCodes
	numEnums
)

// enums are the names of enumerations that pdata reads in JSON.
var enums = [numEnums]map[string]struct{}{
	severityNumbers: names("SEVERITY_NUMBER_", "UNSPECIFIED", "TRACE ", "TRACE2", "TRACE3", "TRACE4",
		"DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "INFO", "INFO2", "INFO3", "INFO4", "WARN", "WARN2", "WARN3", "WARN4",
		"ERROR", "ERROR2", "ERROR3", "ERROR4", "FATAL", "FATAL2", "FATAL3", "FATAL4"),
	temporalities: names("AGGREGATION_TEMPORALITY_", "UNSPECIFIED", "DELTA", "CUMULATIVE"),
	spanKinds:     names("SPAN_KIND_", "UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"),
	statusCodes:   names("STATUS_CODE_", "UNSET", "OK", "ERROR"),
}

func names(prefix string, names ...string) map[string]struct{} {
	set := make(map[string]struct{}, len(names))
	for _, n := range names {
		set[prefix+n] = struct{}{}
	}
	return set
}
