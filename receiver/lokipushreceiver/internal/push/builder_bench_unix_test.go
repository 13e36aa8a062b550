// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package push

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// messages are a thousand lines of ten streams in JSON and in protobuf, with or without
// structured metadata.
func messages(metadata bool) (asJSON, asProtobuf []byte) {
	var streams []string
	for s := range 10 {
		pod := "checkout-7d9f8b6c5-" + strconv.Itoa(s)
		var values []string
		var entries [][]byte
		for n := range 100 {
			ns := uint64(1_700_000_000_000_000_000 + 1000*s + n) //nolint:gosec // it is positive
			line := fmt.Sprintf(`level=info ts=2023-11-14T22:13:20Z caller=handler.go:%d msg="request done" method=GET path="/api/v1/orders/%d" status=200 duration=12.%dms`, n, 7*n+s, n)
			request, user := fmt.Sprintf("req-%08d", 1000*s+n), "u"+strconv.Itoa(n%7)
			if !metadata {
				values = append(values, fmt.Sprintf(`["%d",%q]`, ns, line))
				entries = append(entries, protoEntry(ns/1e9, ns%1e9, line))
				continue
			}
			values = append(values, fmt.Sprintf(`["%d",%q,{"request_id":%q,"user":%q}]`, ns, line, request, user))
			entries = append(entries, protoEntry(ns/1e9, ns%1e9, line, "request_id", request, "user", user))
		}
		streams = append(streams, `{"stream":{"app":"checkout","env":"production","namespace":"shop","pod":"`+pod+`"},"values":[`+strings.Join(values, ",")+`]}`)
		asProtobuf = append(asProtobuf, protoStream(`{namespace="shop", app="checkout", pod="`+pod+`", env="production"}`, slices.Concat(entries...))...)
	}
	return []byte(`{"streams":[` + strings.Join(streams, ",") + `]}`), asProtobuf
}

// BenchmarkPush decodes a thousand lines. testbed/benchdoors does the same the naive way.
func BenchmarkPush(b *testing.B) {
	set := Settings{MaxLineSize: 256 << 10}
	decodes := map[string]func() (Result, error){}
	for name, metadata := range map[string]bool{"": false, "-metadata": true} {
		asJSON, asProtobuf := messages(metadata)
		decodes["json"+name] = func() (Result, error) { return build((*Builder).JSON, set, asJSON) }
		decodes["protobuf"+name] = func() (Result, error) {
			if _, err := CountEntries(asProtobuf); err != nil {
				return Result{}, err
			}
			return build((*Builder).Protobuf, set, asProtobuf)
		}
	}
	for name, decode := range decodes {
		b.Run(name, func(b *testing.B) {
			r, err := decode()
			require.NoError(b, err)
			require.Equal(b, 1000, r.Records)
			allocs := testing.AllocsPerRun(10, func() { _, _ = decode() })
			began := cpuTime(b)
			for b.Loop() {
				if _, err := decode(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N)/1000, "cpu-ns/line")
			b.ReportMetric(allocs/1000, "allocs/line")
		})
	}
}

// BenchmarkPairs decodes 8 MiB of JSON, most of which is structured metadata or labels.
func BenchmarkPairs(b *testing.B) {
	for _, n := range []int{2, 16, 64, MaxLabels, MaxMetadata} {
		metadata, labels := pairsMessage(n, 8<<20)
		for name, body := range map[string][]byte{"metadata": metadata, "labels": labels} {
			if name == "labels" && n > MaxLabels {
				continue
			}
			b.Run(name+"/"+strconv.Itoa(n), func(b *testing.B) {
				began := cpuTime(b)
				for b.Loop() {
					r, err := build((*Builder).JSON, Settings{}, body)
					require.NoError(b, err)
					require.Zero(b, r.DroppedAttributes)
				}
				b.ReportMetric(float64((cpuTime(b)-began).Milliseconds())/float64(b.N), "cpu-ms/op")
			})
		}
	}
}

// pairsMessage returns requests of size bytes with n pairs of structured metadata for each
// entry, and with n labels for each stream.
func pairsMessage(n, size int) (metadata, labels []byte) {
	var pairs strings.Builder
	for i := range n {
		fmt.Fprintf(&pairs, `,"%03d":"%d"`, i, i%10)
	}
	metadata = []byte(`{"streams":[{"stream":{"app":"a"},"values":[["1","x",{` + pairs.String()[1:] + `}]`)
	for part := `,["1","x",{` + pairs.String()[1:] + `}]`; len(metadata)+len(part) < size; {
		metadata = append(metadata, part...)
	}
	labels = []byte(`{"streams":[{"stream":{},"values":[]}`)
	for i := 0; len(labels) < size-64-pairs.Len(); i++ {
		labels = fmt.Appendf(labels, `,{"stream":{"000":"%d"%s},"values":[["1","x"]]}`, i, pairs.String()[strings.Index(pairs.String()[1:], ",")+1:])
	}
	return append(metadata, "]}]}"...), append(labels, "]}"...)
}

// cpuTime returns the processor time of the process, which unlike the time that passes does
// not depend on what else the machine does.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
