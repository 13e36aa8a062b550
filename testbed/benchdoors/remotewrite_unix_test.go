// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package benchdoors

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// BenchmarkNaive decodes messages that Prometheus 3.16 sent of itself with Prometheus' own
// types, and makes a metric of each series.
func BenchmarkNaive(b *testing.B) {
	for name, decode := range map[string]func([]byte) (pmetric.Metrics, error){"v1-b": naiveV1, "v2": naiveV2} {
		b.Run(name, func(b *testing.B) {
			data, err := os.ReadFile("../../receiver/prometheusremotewritereceiver/internal/message/testdata/prometheus-" + name + ".sz")
			require.NoError(b, err)
			body, err := snappy.Decode(nil, data)
			require.NoError(b, err)
			md, err := decode(body)
			require.NoError(b, err)
			samples := float64(md.DataPointCount())
			require.Positive(b, samples)
			allocs := testing.AllocsPerRun(10, func() { _, _ = decode(body) })
			began := cpuTime(b)
			for b.Loop() {
				if _, err := decode(body); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N)/samples, "cpu-ns/sample")
			b.ReportMetric(allocs/samples, "allocs/sample")
		})
	}
}

// point adds a gauge with a data point.
func point(out pmetric.MetricSlice, value float64, ms int64) (pmetric.Metric, pmetric.NumberDataPoint) {
	m := out.AppendEmpty()
	p := m.SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetTimestamp(pcommon.Timestamp(ms * 1_000_000))
	p.SetDoubleValue(value)
	return m, p
}

func naiveV1(body []byte) (pmetric.Metrics, error) {
	var request prompb.WriteRequest
	if err := request.Unmarshal(body); err != nil {
		return pmetric.Metrics{}, err
	}
	md := pmetric.NewMetrics()
	out := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for _, ts := range request.Timeseries {
		for _, s := range ts.Samples {
			m, p := point(out, s.Value, s.Timestamp)
			for _, l := range ts.Labels {
				if l.Name == "__name__" {
					m.SetName(l.Value)
				} else {
					p.Attributes().PutStr(l.Name, l.Value)
				}
			}
		}
		for _, h := range ts.Histograms {
			point(out, h.Sum, h.Timestamp)
		}
	}
	return md, nil
}

func naiveV2(body []byte) (pmetric.Metrics, error) {
	var request writev2.Request
	if err := request.Unmarshal(body); err != nil {
		return pmetric.Metrics{}, err
	}
	md := pmetric.NewMetrics()
	out := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for _, ts := range request.Timeseries {
		for _, s := range ts.Samples {
			m, p := point(out, s.Value, s.Timestamp)
			m.SetDescription(request.Symbols[ts.Metadata.HelpRef])
			for i := 0; i+1 < len(ts.LabelsRefs); i += 2 {
				name, value := request.Symbols[ts.LabelsRefs[i]], request.Symbols[ts.LabelsRefs[i+1]]
				if name == "__name__" {
					m.SetName(value)
				} else {
					p.Attributes().PutStr(name, value)
				}
			}
		}
		for _, h := range ts.Histograms {
			point(out, h.Sum, h.Timestamp)
		}
	}
	return md, nil
}

// cpuTime returns the processor time of the process, which unlike the time that passes does
// not depend on what else the machine does.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
