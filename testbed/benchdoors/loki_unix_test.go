// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package benchdoors

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/grafana/loki/pkg/push"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// lokiStream is a stream in JSON.
type lokiStream struct {
	Stream map[string]string `json:"stream"`
	Values []lokiValue       `json:"values"`
}

// lokiValue is an entry in JSON: timestamp, line and structured metadata.
type lokiValue struct {
	timestamp, line string
	metadata        map[string]string
}

func (v lokiValue) MarshalJSON() ([]byte, error) {
	if v.metadata == nil {
		return json.Marshal([]string{v.timestamp, v.line})
	}
	return json.Marshal([]any{v.timestamp, v.line, v.metadata})
}

func (v *lokiValue) UnmarshalJSON(data []byte) error {
	parts := []any{&v.timestamp, &v.line, &v.metadata}
	return json.Unmarshal(data, &parts)
}

type lokiRequest struct {
	Streams []lokiStream `json:"streams"`
}

// lokiMessages are a thousand lines of ten streams in JSON and in protobuf, with or without
// structured metadata, the same as in the benchmark of the receiver.
func lokiMessages(b *testing.B, metadata bool) (asJSON, asProtobuf []byte) {
	b.Helper()
	var (
		request lokiRequest
		message push.PushRequest
	)
	for s := range 10 {
		pod := "checkout-7d9f8b6c5-" + strconv.Itoa(s)
		of := lokiStream{Stream: map[string]string{"namespace": "shop", "app": "checkout", "pod": pod, "env": "production"}}
		adapter := push.Stream{Labels: `{namespace="shop", app="checkout", pod="` + pod + `", env="production"}`}
		for n := range 100 {
			ns := int64(1_700_000_000_000_000_000 + 1000*s + n)
			line := fmt.Sprintf(`level=info ts=2023-11-14T22:13:20Z caller=handler.go:%d msg="request done" method=GET path="/api/v1/orders/%d" status=200 duration=12.%dms`, n, 7*n+s, n)
			request := fmt.Sprintf("req-%08d", 1000*s+n)
			if !metadata {
				of.Values = append(of.Values, lokiValue{strconv.FormatInt(ns, 10), line, nil})
				adapter.Entries = append(adapter.Entries, push.Entry{Timestamp: time.Unix(0, ns), Line: line})
				continue
			}
			of.Values = append(of.Values, lokiValue{strconv.FormatInt(ns, 10), line, map[string]string{"request_id": request, "user": "u" + strconv.Itoa(n%7)}})
			adapter.Entries = append(adapter.Entries, push.Entry{
				Timestamp: time.Unix(0, ns), Line: line,
				StructuredMetadata: push.LabelsAdapter{{Name: "request_id", Value: request}, {Name: "user", Value: "u" + strconv.Itoa(n%7)}},
			})
		}
		request.Streams = append(request.Streams, of)
		message.Streams = append(message.Streams, adapter)
	}
	asJSON, err := json.Marshal(request)
	require.NoError(b, err)
	asProtobuf, err = message.Marshal()
	require.NoError(b, err)
	return asJSON, asProtobuf
}

// BenchmarkNaiveLoki decodes pushed lines with encoding/json, and with Loki's own type and
// Prometheus' parser of labels, and makes a record of each line.
func BenchmarkNaiveLoki(b *testing.B) {
	decodes := map[string]func() (plog.Logs, error){}
	for name, metadata := range map[string]bool{"": false, "-metadata": true} {
		asJSON, asProtobuf := lokiMessages(b, metadata)
		decodes["json"+name] = func() (plog.Logs, error) { return naiveLokiJSON(asJSON) }
		decodes["protobuf"+name] = func() (plog.Logs, error) { return naiveLokiProtobuf(asProtobuf) }
	}
	for name, decode := range decodes {
		b.Run(name, func(b *testing.B) {
			ld, err := decode()
			require.NoError(b, err)
			lines := float64(ld.LogRecordCount())
			require.InDelta(b, 1000, lines, 0)
			allocs := testing.AllocsPerRun(10, func() { _, _ = decode() })
			began := cpuTime(b)
			for b.Loop() {
				if _, err := decode(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N)/lines, "cpu-ns/line")
			b.ReportMetric(allocs/lines, "allocs/line")
		})
	}
}

func naiveLokiJSON(body []byte) (plog.Logs, error) {
	var request lokiRequest
	if err := json.Unmarshal(body, &request); err != nil {
		return plog.Logs{}, err
	}
	ld := plog.NewLogs()
	for _, s := range request.Streams {
		rl := ld.ResourceLogs().AppendEmpty()
		for k, v := range s.Stream {
			rl.Resource().Attributes().PutStr(k, v)
		}
		records := rl.ScopeLogs().AppendEmpty().LogRecords()
		for _, v := range s.Values {
			ns, err := strconv.ParseInt(v.timestamp, 10, 64)
			if err != nil {
				return plog.Logs{}, err
			}
			lr := records.AppendEmpty()
			lr.SetTimestamp(pcommon.Timestamp(ns))
			lr.Body().SetStr(v.line)
			for name, value := range v.metadata {
				lr.Attributes().PutStr(name, value)
			}
		}
	}
	return ld, nil
}

func naiveLokiProtobuf(body []byte) (plog.Logs, error) {
	var request push.PushRequest
	if err := request.Unmarshal(body); err != nil {
		return plog.Logs{}, err
	}
	ld := plog.NewLogs()
	p := parser.NewParser(parser.Options{})
	for _, s := range request.Streams {
		labels, err := p.ParseMetric(s.Labels)
		if err != nil {
			return plog.Logs{}, err
		}
		rl := ld.ResourceLogs().AppendEmpty()
		for k, v := range labels.Map() {
			rl.Resource().Attributes().PutStr(k, v)
		}
		records := rl.ScopeLogs().AppendEmpty().LogRecords()
		for _, e := range s.Entries {
			lr := records.AppendEmpty()
			lr.SetTimestamp(pcommon.NewTimestampFromTime(e.Timestamp))
			lr.Body().SetStr(e.Line)
			for _, m := range e.StructuredMetadata {
				lr.Attributes().PutStr(m.Name, m.Value)
			}
		}
	}
	return ld, nil
}
