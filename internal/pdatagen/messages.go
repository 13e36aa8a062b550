// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pdatagen

import "google.golang.org/protobuf/encoding/protowire"

// kind is the type of a field: a number, a string, or a message.
type kind uint8

const (
	text kind = iota
	traceID
	spanID
	enum
	temporality
	integer
	signed
	fixed32
	fixed64
	double
	integers // packed lists
	fixed64s
	doubles

	logsRequest
	metricsRequest
	tracesRequest
	resourceLogs
	resourceMetrics
	resourceSpans
	scopeLogs
	scopeMetrics
	scopeSpans
	resource
	scope
	keyValue
	anyValue
	arrayValue
	keyValueList
	logRecord
	span
	spanEvent
	spanLink
	spanStatus
	metric
	gauge
	sum
	histogram
	exponential
	summary
	numberPoint
	histogramPoint
	exponentialPoint
	exponentialBuckets
	summaryPoint
	quantile
	exemplar
)

type field struct {
	number   protowire.Number
	kind     kind
	repeated bool
}

// fieldsOf returns the fields of a message, as opentelemetry-proto numbers them.
func fieldsOf(m kind) []field {
	const many = true
	switch m {
	case logsRequest:
		return []field{{1, resourceLogs, many}}
	case metricsRequest:
		return []field{{1, resourceMetrics, many}}
	case tracesRequest:
		return []field{{1, resourceSpans, many}}
	case resourceLogs:
		return []field{{1, resource, false}, {2, scopeLogs, many}, {3, text, false}}
	case resourceMetrics:
		return []field{{1, resource, false}, {2, scopeMetrics, many}, {3, text, false}}
	case resourceSpans:
		return []field{{1, resource, false}, {2, scopeSpans, many}, {3, text, false}}
	case scopeLogs:
		return []field{{1, scope, false}, {2, logRecord, many}, {3, text, false}}
	case scopeMetrics:
		return []field{{1, scope, false}, {2, metric, many}, {3, text, false}}
	case scopeSpans:
		return []field{{1, scope, false}, {2, span, many}, {3, text, false}}
	case resource:
		return []field{{1, keyValue, many}, {2, integer, false}}
	case scope:
		return []field{{1, text, false}, {2, text, false}, {3, keyValue, many}}
	case keyValue:
		return []field{{1, text, false}, {2, anyValue, false}}
	case anyValue:
		return []field{{1, text, false}, {2, enum, false}, {3, integer, false}, {4, double, false}, {5, arrayValue, false}, {6, keyValueList, false}, {7, text, false}}
	case arrayValue:
		return []field{{1, anyValue, many}}
	case keyValueList:
		return []field{{1, keyValue, many}}
	case logRecord:
		return []field{{1, fixed64, false}, {11, fixed64, false}, {2, integer, false}, {3, text, false}, {5, anyValue, false}, {6, keyValue, many}, {8, fixed32, false}, {9, traceID, false}, {10, spanID, false}, {12, text, false}}
	case span:
		return []field{{1, traceID, false}, {2, spanID, false}, {3, text, false}, {5, text, false}, {6, enum, false}, {7, fixed64, false}, {8, fixed64, false}, {9, keyValue, many}, {11, spanEvent, many}, {13, spanLink, many}, {15, spanStatus, false}}
	case spanEvent:
		return []field{{1, fixed64, false}, {2, text, false}, {3, keyValue, many}}
	case spanLink:
		return []field{{1, traceID, false}, {4, keyValue, many}}
	case spanStatus:
		return []field{{2, text, false}, {3, enum, false}}
	}
	return metricFields(m)
}

func metricFields(m kind) []field {
	const many = true
	switch m {
	case metric:
		return []field{{1, text, false}, {2, text, false}, {3, text, false}, {5, gauge, false}, {7, sum, false}, {9, histogram, false}, {10, exponential, false}, {11, summary, false}, {12, keyValue, many}}
	case gauge:
		return []field{{1, numberPoint, many}}
	case sum:
		return []field{{1, numberPoint, many}, {2, temporality, false}, {3, enum, false}}
	case histogram:
		return []field{{1, histogramPoint, many}, {2, temporality, false}}
	case exponential:
		return []field{{1, exponentialPoint, many}, {2, temporality, false}}
	case summary:
		return []field{{1, summaryPoint, many}}
	case numberPoint:
		return []field{{7, keyValue, many}, {2, fixed64, false}, {3, fixed64, false}, {4, double, false}, {6, fixed64, false}, {5, exemplar, many}}
	case histogramPoint:
		return []field{{9, keyValue, many}, {2, fixed64, false}, {3, fixed64, false}, {4, fixed64, false}, {5, double, false}, {6, fixed64s, false}, {7, doubles, false}, {8, exemplar, many}, {11, double, false}, {12, double, false}}
	case exponentialPoint:
		return []field{{1, keyValue, many}, {2, fixed64, false}, {3, fixed64, false}, {4, fixed64, false}, {5, double, false}, {6, signed, false}, {7, fixed64, false}, {8, exponentialBuckets, false}, {9, exponentialBuckets, false}, {11, exemplar, many}, {12, double, false}, {13, double, false}, {14, double, false}}
	case exponentialBuckets:
		return []field{{1, signed, false}, {2, integers, false}}
	case summaryPoint:
		return []field{{7, keyValue, many}, {2, fixed64, false}, {3, fixed64, false}, {4, fixed64, false}, {5, double, false}, {6, quantile, many}}
	case quantile:
		return []field{{1, double, false}, {2, double, false}}
	case exemplar:
		return []field{{7, keyValue, many}, {2, fixed64, false}, {3, double, false}, {4, spanID, false}, {5, traceID, false}}
	}
	return nil
}
