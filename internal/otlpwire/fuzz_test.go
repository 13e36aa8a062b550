// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package otlpwire

import (
	stdjson "encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// compare holds the check of a request against what pdata does with it.
func compare(t *testing.T, signal tenant.Signal, json bool, data []byte) {
	t.Helper()
	counts, err := check(signal, json, data, Limits{})
	var rejected *Error
	if err != nil {
		require.ErrorAs(t, err, &rejected)
		if rejected.Reason == ReasonDepth {
			return // pdata is not let near it
		}
	}
	if counts.Rewritten > 0 && err == nil {
		data = rewritten(t, signal, data, counts)
	}
	var want decoded
	var decodeErr error
	limit := memoryBound(counts, data)
	real := allocated(limit, func() { want, decodeErr = decode(t, signal, json, data) })

	if err != nil {
		if decodeErr == nil && (!json || rejected.Reason == ReasonMalformed && stdjson.Valid(data) && !strict(rejected)) {
			t.Fatalf("pdata accepts what is rejected: %v", err)
		}
		return
	}
	require.NoError(t, decodeErr, "pdata rejects what is accepted")
	assert.Equal(t, want.records, counts.Records, "records")
	assert.GreaterOrEqual(t, counts.Depth, want.depth, "depth")
	assert.LessOrEqual(t, float64(real), limit, "memory")

	// pdata writes each field once, so the depths are equal.
	encode := want.proto
	if json {
		encode = want.json
	}
	data, err = encode()
	require.NoError(t, err)
	if json {
		if _, err = decode(t, signal, true, data); err != nil {
			return // pdata writes numbers such as NaN in ways that it does not read
		}
	}
	again, err := check(signal, json, data, Limits{})
	require.NoError(t, err)
	assert.Equal(t, want.depth, again.Depth, "depth")
	assert.Equal(t, want.records, again.Records, "records")

	// A limit is exceeded where it is one less than the count, and not before.
	limits := Limits{Depth: again.Depth, Elements: again.Elements, Memory: again.Memory}
	same, err := check(signal, json, data, limits)
	require.NoError(t, err)
	assert.Equal(t, again, same)
	for reason, limits := range map[Reason]Limits{
		ReasonDepth:    {Depth: again.Depth - 1},
		ReasonElements: {Elements: again.Elements - 1},
		ReasonMemory:   {Memory: again.Memory - 1},
	} {
		if limits.Depth <= 0 && limits.Elements <= 0 && limits.Memory <= 0 {
			continue // no limit
		}
		_, err := check(signal, json, data, limits)
		require.ErrorAs(t, err, &rejected)
		assert.Equal(t, reason, rejected.Reason)
	}
}

// strict reports whether the check rejects on purpose what pdata reads. The
// package comment lists these cases.
func strict(err *Error) bool { return err.detail == detailRange || err.detail == detailLong }

// rewritten returns the form of a request that pdata reads, of which the check must
// say the size and accept as it is what it has accepted before.
func rewritten(t *testing.T, signal tenant.Signal, data []byte, counts Counts) []byte {
	t.Helper()
	before := string(data)
	out, err := RewriteJSON(make([]byte, 0, counts.Rewritten), signal, data)
	require.NoError(t, err)
	require.Len(t, out, counts.Rewritten, "%s became %s", data, out)
	require.Equal(t, before, string(data), "the request itself")
	again, err := CheckJSON(signal, out, Limits{})
	require.NoError(t, err, "%s became %s", data, out)
	require.Zero(t, again.Rewritten, "%s became %s", data, out)
	require.Equal(t, counts.Records, again.Records)
	require.Equal(t, counts.Elements, again.Elements)
	require.Equal(t, counts.Depth, again.Depth)
	require.LessOrEqual(t, again.Memory, counts.Memory)
	return out
}

func addSeeds(f *testing.F, json bool) {
	for _, signal := range tenant.AllSignals() {
		for _, n := range []int{0, 1, 5, 8} {
			f.Add(uint8(signal), sample(f, signal, json, n))
		}
	}
	for _, a := range attacks() {
		if a.json() == json {
			f.Add(uint8(a.signal), a.build(3))
		}
	}
	for _, c := range malformedCases() {
		if c.json == json {
			f.Add(uint8(c.signal), []byte(c.data))
		}
	}
}

func signalOf(n uint8) tenant.Signal { return tenant.AllSignals()[int(n)%len(tenant.AllSignals())] }

func FuzzCheckProto(f *testing.F) {
	addSeeds(f, false)
	f.Fuzz(func(t *testing.T, signal uint8, data []byte) {
		compare(t, signalOf(signal), false, data)
	})
}

func FuzzCheckJSON(f *testing.F) {
	addSeeds(f, true)
	f.Fuzz(func(t *testing.T, signal uint8, data []byte) {
		compare(t, signalOf(signal), true, data)
	})
}

// FuzzNumberText compares how numbers in strings are judged with what strconv
// reads, as pdata does.
func FuzzNumberText(f *testing.F) {
	for _, s := range []string{
		"0", "-1", "+1", "", "-", "1.", ".5", "1e309", "-1e-400", "0x1p-2", "1_000", "1_", "inf", "NaN", "1e", "0e99999999",
		float64Limit.digits, float64Limit.digits + "0", float64Limit.digits[:308] + "7", "0." + float64Limit.digits + "e309",
		"0." + strings.Repeat("0", 20_000) + "1e20001", "0." + strings.Repeat("0", 400) + "1e709", strings.Repeat("1", 400) + "e-200000",
		"9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "4294967296",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for k, parse := range map[kind]func() error{
			kindInt32:  func() error { _, err := strconv.ParseInt(s, 10, 32); return err },
			kindInt64:  func() error { _, err := strconv.ParseInt(s, 10, 64); return err },
			kindUint32: func() error { _, err := strconv.ParseUint(s, 10, 32); return err },
			kindUint64: func() error { _, err := strconv.ParseUint(s, 10, 64); return err },
			kindDouble: func() error { _, err := strconv.ParseFloat(s, 64); return err },
		} {
			assert.Equal(t, parse() == nil, validNumberText(k, []byte(s)), "%q as kind %d", s, k)
		}
		if isDecimal([]byte(s)) {
			_, err := strconv.ParseFloat(s, 32)
			assert.Equal(t, err != nil, float32Limit.exceeded([]byte(s)), "%q as float32", s)
		}
	})
}
