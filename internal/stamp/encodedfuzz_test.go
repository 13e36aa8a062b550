// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatagen"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatasample"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// fuzzCase is how a fuzz test makes a request from bytes, and how it is stamped.
type fuzzCase struct {
	signal  tenant.Signal
	form    uint8 // of the request, and which stamper and owner
	content []byte
}

// The forms of requests.
const (
	formRaw       = iota // content is the request
	formGenerated        // content makes it, with fields twice and strings that are not UTF-8
	formPdata            // the same as pdata writes it
	formSDK              // the same as an SDK writes it
	formCut              // generated, with its last bytes missing
	formJoined           // generated, followed by itself
	numForms
)

func (c fuzzCase) request(t testing.TB) []byte {
	t.Helper()
	if c.form%numForms == formRaw {
		return c.content
	}
	source := pdatagen.New(c.content)
	data := source.Request(c.signal)
	switch c.form % numForms {
	case formPdata:
		return decodeAndStamp(t, nil, c.signal, data, nil).data
	case formSDK:
		// SDKs write valid strings only, so they are repaired.
		repaired := decodeAndStamp(t, &Stamper{}, c.signal, data, &Owner{Identity: Attribute{"other", ""}})
		return asSDK(t, c.signal, repaired.data)
	case formCut:
		return data[:len(data)-min(len(data), 1+int(source.Byte())%8)]
	case formJoined:
		return append(data, data...)
	}
	return data
}

// fuzzStampers are stampers of gateways and agents.
func fuzzStampers() []*Stamper {
	return []*Stamper{
		{NormalizeSeverity: true},
		{},
		{NormalizeSeverity: true, Environment: "a", ServiceName: "b", Machine: vm()},
		{Machine: Machine{host: vm().host, hostName: "a"}},
	}
}

// fuzzOwners are owners whose values are texts that pdatagen generates.
func fuzzOwners() []*Owner {
	identity := Attribute{Key: "business_id", Value: "tenant-b"}
	return []*Owner{
		{Identity: identity},
		{Identity: identity, Attributes: []Attribute{{"a", "b"}, {"deployment.environment", "a"}}},
		{Identity: identity, Attributes: []Attribute{{"host.name", "a"}, {"service.name", ""}}},
		{Identity: identity, Attributes: []Attribute{{"business.id", "a"}}},
	}
}

// run compares the paths with and without decoding.
func (c fuzzCase) run(t *testing.T, stampers []*Stamper, owners []*Owner) (Slow, bool) {
	t.Helper()
	data := c.request(t)
	which := int(c.form / numForms)
	limits := otlpwire.Limits{Depth: 64}
	if which >= 32 {
		limits = otlpwire.Limits{Depth: 3, Elements: 40, Memory: 4000}
	}
	got, err := compare(t, stampers[which%len(stampers)], c.signal, data, owners[which/len(stampers)%len(owners)], limits)
	return got.Slow, err == nil
}

func (c fuzzCase) add(f *testing.F) { f.Add(c.form, c.content) }

func fuzzEncoded(f *testing.F, signal tenant.Signal) {
	for _, n := range []int{0, 1, 5, 10} {
		data := sampleRequest(f, signal, n, pdatasample.Resource)
		fuzzCase{signal: signal, content: data}.add(f)
		fuzzCase{signal: signal, content: asSDK(f, signal, data)}.add(f)
		fuzzCase{signal: signal, content: data[:len(data)/2]}.add(f)
		fuzzCase{signal: signal, content: append(data, data...)}.add(f)
	}
	for _, key := range []string{"business_id", "business.id", "business--id"} {
		for _, value := range []string{"tenant-b", "other"} {
			fuzzCase{signal: signal, content: sampleRequest(f, signal, 2, func(m pcommon.Map) { m.PutStr(key, value) })}.add(f)
		}
	}
	for _, tt := range oddRequests() {
		if tt.signal == signal {
			fuzzCase{signal: signal, content: tt.data}.add(f)
		}
	}
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // reproducible
	for form := range 3 * numForms {
		fuzzCase{signal: signal, form: uint8(form), content: randomBytes(random, 300)}.add(f)
	}
	stampers, owners := fuzzStampers(), fuzzOwners()
	f.Fuzz(func(t *testing.T, form uint8, content []byte) {
		fuzzCase{signal, form, content}.run(t, stampers, owners)
	})
}

func FuzzEncodedLogs(f *testing.F)    { fuzzEncoded(f, tenant.Logs) }
func FuzzEncodedMetrics(f *testing.F) { fuzzEncoded(f, tenant.Metrics) }
func FuzzEncodedTraces(f *testing.F)  { fuzzEncoded(f, tenant.Traces) }

func randomBytes(random *rand.Rand, n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// generatedRequests returns how many random requests of each signal are compared:
// STAMP_REQUESTS if it is set.
func generatedRequests(t *testing.T) int {
	t.Helper()
	if set := os.Getenv("STAMP_REQUESTS"); set != "" {
		n, err := strconv.Atoi(set)
		require.NoError(t, err, "STAMP_REQUESTS")
		return n
	}
	return 2000
}

// TestEncoded_Generated compares both paths for random requests, of which enough must be
// fast, and enough slow for every reason that a request can have.
func TestEncoded_Generated(t *testing.T) {
	requests := uint64(generatedRequests(t))     //nolint:gosec // not negative
	random := rand.New(rand.NewPCG(1, requests)) //nolint:gosec // reproducible
	stampers, owners := fuzzStampers(), fuzzOwners()
	seen := map[tenant.Signal]map[Slow]int{}
	for _, signal := range tenant.AllSignals() {
		seen[signal] = map[Slow]int{}
	}
	for range requests {
		content := randomBytes(random, 10+random.IntN(250))
		for _, signal := range tenant.AllSignals() {
			form := 1 + random.IntN(numForms-1) + numForms*random.IntN(42)
			if slow, ok := (fuzzCase{signal, uint8(form), content}).run(t, stampers, owners); ok {
				seen[signal][slow]++
			}
		}
	}
	for signal, slow := range seen {
		t.Log(signal, slow)
		assert.Greater(t, slow[SlowNone], 200, signal)
		for _, reason := range []Slow{SlowRepeated, SlowUTF8, SlowIdentity, SlowResource} {
			assert.Greater(t, slow[reason], 10, "%s %s", signal, reason)
		}
	}
	assert.Greater(t, seen[tenant.Logs][SlowSeverity], 10)
}

// field returns a field with a length.
func field(number protowire.Number, parts ...[]byte) []byte {
	var content []byte
	for _, p := range parts {
		content = append(content, p...)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
}
