// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package translate

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/memory"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

// captured returns a message that Prometheus 3.16 sent of itself.
func captured(b *testing.B, name string) []byte {
	b.Helper()
	data, err := os.ReadFile("../message/testdata/prometheus-" + name + ".sz")
	require.NoError(b, err)
	body, err := snappy.Decode(nil, data)
	require.NoError(b, err)
	return body
}

// fiveSamples returns a message of 2.0 with 5 samples of each of 1,000 series, which have
// 10 labels.
func fiveSamples() []byte {
	field := func(n protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), content)
	}
	number := func(data []byte, n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(data, n, protowire.VarintType), v)
	}
	refs, texts := map[string]uint64{}, []string{}
	symbol := func(text string) uint64 {
		if _, ok := refs[text]; !ok {
			refs[text] = uint64(len(texts))
			texts = append(texts, text)
		}
		return refs[text]
	}
	symbol("")
	var all []byte
	for i := range 1000 {
		labels := protowire.AppendVarint(protowire.AppendVarint(nil, symbol("__name__")), symbol(fmt.Sprintf("metric_%d_total", i%100)))
		for _, name := range []string{"cluster", "container", "endpoint", "instance", "job", "method", "namespace", "pod"} {
			labels = protowire.AppendVarint(protowire.AppendVarint(labels, symbol(name)), symbol(name+"_value"))
		}
		labels = protowire.AppendVarint(protowire.AppendVarint(labels, symbol("series")), symbol(strconv.Itoa(i)))
		series := field(1, labels)
		for n := range uint64(5) {
			sample := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), math.Float64bits(float64(n)+0.5))
			series = append(series, field(2, number(sample, 2, 1_700_000_000_000+n*15_000))...)
		}
		all = append(all, field(5, append(series, field(5, number(nil, 1, 1))...))...)
	}
	var symbols []byte
	for _, text := range texts {
		symbols = append(symbols, field(4, []byte(text))...)
	}
	return append(symbols, all...)
}

// BenchmarkMessage decodes and translates messages of which two are what Prometheus 3.16
// sent of itself. testbed/benchdoors does the same the naive way.
func BenchmarkMessage(b *testing.B) {
	for _, bm := range []struct {
		name string
		v    message.Version
		body []byte
	}{
		{"v1", message.V1, captured(b, "v1-b")},
		{"v2", message.V2, captured(b, "v2")},
		{"v2-five-samples", message.V2, fiveSamples()},
	} {
		m, builders := memory.New(memory.Settings{Families: 50_000, Targets: 10_000, Bytes: 64 << 20}), new(Builders)
		nothing := func(int64) error { return nil }
		decode := func() (Result, error) {
			counts, err := message.Scan(bm.v, bm.body)
			if err != nil {
				return Result{}, err
			}
			builder := builders.Get(m.Of("a"), 64<<20, nothing)
			d := message.Decoder{Series: builder.Add, Family: func(message.Family) error { return nil }, Reserve: nothing}
			err = d.Decode(bm.v, counts, bm.body)
			result := builder.Finish()
			builders.Put(builder)
			return result, err
		}
		r, err := decode()
		require.NoError(b, err)
		b.Run(bm.name, func(b *testing.B) {
			measure(b, r.Metrics.DataPointCount(), func() {
				if _, err := decode(); err != nil {
					b.Fatal(err)
				}
			})
		})
		// The least that any way to make these metrics costs: those of pdata itself, where
		// the texts are known, and the number of points of each metric.
		b.Run(bm.name+"/copy", func(b *testing.B) {
			measure(b, r.Metrics.DataPointCount(), func() { r.Metrics.CopyTo(pmetric.NewMetrics()) })
		})
	}
}

// measure runs f and reports what it costs for each of n samples.
func measure(b *testing.B, n int, f func()) {
	b.Helper()
	samples := float64(n)
	require.Positive(b, samples)
	allocs := testing.AllocsPerRun(10, f)
	began := cpuTime(b)
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N)/samples, "cpu-ns/sample")
	b.ReportMetric(allocs/samples, "allocs/sample")
}

// cpuTime returns the processor time of the process, which unlike the time that passes does
// not depend on what else the machine does.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
