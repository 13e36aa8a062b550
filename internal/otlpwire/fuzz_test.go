package otlpwire

import (
	stdjson "encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// compare holds the check of a request against what pdata does with it.
func compare(t *testing.T, signal tenant.Signal, json bool, data []byte) {
	t.Helper()
	counts, err := check(signal, json, data, Limits{})
	var refused *Error
	if err != nil {
		require.ErrorAs(t, err, &refused)
		if refused.Reason == ReasonDepth {
			return // pdata is not let near it
		}
	}
	var want decoded
	var decodeErr error
	limit := 1.1*float64(counts.Memory) + 1024
	real := allocated(limit, func() { want, decodeErr = decode(t, signal, json, data) })

	if err != nil {
		if decodeErr == nil && (!json || refused.Reason == ReasonMalformed && stdjson.Valid(data) && !strict(refused)) {
			t.Fatalf("pdata accepts what is refused: %v", err)
		}
		return
	}
	require.NoError(t, decodeErr, "pdata refuses what is accepted")
	assert.Equal(t, want.records, counts.Records, "records")
	assert.GreaterOrEqual(t, counts.Depth, want.depth, "depth")
	assert.LessOrEqual(t, float64(real), limit, "memory")

	// What pdata writes is plain: nothing occurs twice, so that depths agree.
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
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, reason, refused.Reason)
	}
}

// strict reports whether the check refuses on purpose what pdata reads. The
// package comment lists these cases.
func strict(err *Error) bool {
	return err.detail == detailEmptyKey || err.detail == detailRange
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
