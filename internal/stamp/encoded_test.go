// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/pdatasample"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// acme is the owner of most tests.
func acme() *Owner {
	return &Owner{Identity: Attribute{Key: "business_id", Value: "acme"}}
}

// stamped compares a request in the orders in which pdata and SDKs write fields.
func stamped(t *testing.T, s *Stamper, signal tenant.Signal, data []byte, o *Owner, want Slow) {
	t.Helper()
	for name, data := range map[string][]byte{"pdata": data, "SDK": asSDK(t, signal, data)} {
		got, err := compare(t, s, signal, data, o, otlpwire.Limits{})
		require.NoError(t, err, name)
		assert.Equal(t, want.String(), got.Slow.String(), name)
	}
}

func encodeLogs(t testing.TB, ld plog.Logs) []byte {
	t.Helper()
	data, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	require.NoError(t, err)
	return data
}

func TestEncoded_Resources(t *testing.T) {
	long := make([]byte, 300)
	for i := range long {
		long[i] = 'x'
	}
	team := &Owner{Identity: acme().Identity, Attributes: []Attribute{{"team", "shop"}, {"tier", ""}}}
	inProduction := &Owner{Identity: acme().Identity, Attributes: []Attribute{{keyEnvironment, "production"}}}
	agent := func() *Stamper { return &Stamper{Environment: "prod", ServiceName: "api", Machine: vm()} }
	for _, tt := range []struct {
		name    string
		stamper *Stamper
		owner   *Owner
		in      raw
		want    Slow
	}{
		{"nothing", &Stamper{}, acme(), raw{}, SlowNone},
		{"identity is added", &Stamper{}, acme(), raw{"service.name": "api"}, SlowNone},
		{"identity is right", &Stamper{}, acme(), raw{"service.name": "api", "business_id": "acme"}, SlowNone},
		{"identity is wrong", &Stamper{}, acme(), raw{"business_id": "other"}, SlowIdentity},
		{"identity is empty", &Stamper{}, acme(), raw{"business_id": nil}, SlowIdentity},
		{"identity is a number", &Stamper{}, acme(), raw{"business_id": 1}, SlowIdentity},
		{"identity is bytes", &Stamper{}, acme(), raw{"business_id": []byte("acme")}, SlowIdentity},
		{"identity is a list", &Stamper{}, acme(), raw{"business_id": []any{"acme"}}, SlowIdentity},
		{"look-alike", &Stamper{}, acme(), raw{"business.id": "acme"}, SlowIdentity},
		{"look-alike beside it", &Stamper{}, acme(), raw{"business_id": "acme", "business--id": "other"}, SlowIdentity},
		{"key in a map is content", &Stamper{}, acme(), raw{"m": raw{"business_id": "other"}}, SlowNone},
		{"keys that are nearly alike", &Stamper{}, acme(), raw{"business_ids": "a", "business": "b", "businessid": "c", "b": "d", "": "e"}, SlowNone},
		{"long resource", &Stamper{}, acme(), raw{"a": string(long), "b": string(long[:100])}, SlowNone},
		{"length of the resource grows by a byte", &Stamper{}, acme(), raw{"a": string(long[:110])}, SlowNone},

		{"attributes of the owner are added", &Stamper{}, team, raw{"a": "b"}, SlowNone},
		{"attributes of the owner are right", &Stamper{}, team, raw{"team": "shop", "tier": ""}, SlowNone},
		{"attribute of the owner is wrong", &Stamper{}, team, raw{"team": "other"}, SlowResource},
		{"attribute of the owner is no text", &Stamper{}, team, raw{"tier": nil}, SlowResource},
		{"owner's keys look alike", &Stamper{}, &Owner{Identity: acme().Identity, Attributes: []Attribute{{"business.id", "x"}}}, raw{}, SlowIdentity},
		{"owner's attributes look alike", &Stamper{}, &Owner{Identity: acme().Identity, Attributes: []Attribute{{"a.b", "x"}, {"a_b", "y"}}}, raw{}, SlowIdentity},
		{"owner's environment is copied", &Stamper{}, inProduction, raw{}, SlowNone},
		{"owner's environment, other spelling", &Stamper{}, inProduction, raw{keyEnvironmentName: "dev"}, SlowNone},

		{"old environment", &Stamper{}, acme(), raw{keyEnvironment: "dev"}, SlowNone},
		{"current environment", &Stamper{}, acme(), raw{keyEnvironmentName: "dev"}, SlowNone},
		{"environment of another type", &Stamper{}, acme(), raw{keyEnvironmentName: raw{"a": []any{1, 2.5, true}}}, SlowNone},
		{"environment is a long text", &Stamper{}, acme(), raw{keyEnvironment: string(long)}, SlowNone},
		{"both environments", &Stamper{}, acme(), raw{keyEnvironment: "a", keyEnvironmentName: "b"}, SlowNone},
		{"other spelling is empty", &Stamper{}, acme(), raw{keyEnvironment: "a", keyEnvironmentName: ""}, SlowResource},
		{"other spelling has no value", &Stamper{}, acme(), raw{keyEnvironment: nil, keyEnvironmentName: "a"}, SlowResource},
		{"both spellings are empty", &Stamper{}, acme(), raw{keyEnvironment: "", keyEnvironmentName: ""}, SlowNone},
		{"configured environment", &Stamper{Environment: "prod"}, acme(), raw{}, SlowNone},
		{"configured environment, one is empty", &Stamper{Environment: "prod"}, acme(), raw{keyEnvironment: ""}, SlowResource},

		{"configured service", &Stamper{ServiceName: "api"}, acme(), raw{}, SlowNone},
		{"identity is the service", &Stamper{ServiceName: "api"}, &Owner{Identity: Attribute{"service.name", "shop"}}, raw{}, SlowNone},
		{"identity is an environment", &Stamper{}, &Owner{Identity: Attribute{keyEnvironmentName, "dev"}}, raw{}, SlowNone},
		{"service is named", &Stamper{ServiceName: "api"}, acme(), raw{"service.name": "shop"}, SlowNone},
		{"service is a number", &Stamper{ServiceName: "api"}, acme(), raw{"service.name": 1}, SlowNone},
		{"placeholder of SDKs", &Stamper{ServiceName: "api"}, acme(), raw{"service.name": "unknown_service:node"}, SlowResource},
		{"placeholder without a service", &Stamper{}, acme(), raw{"service.name": "unknown_service:node"}, SlowNone},
		{"service is empty", &Stamper{ServiceName: "api"}, acme(), raw{"service.name": ""}, SlowResource},
		{
			"owner's service is a placeholder", &Stamper{ServiceName: "api"},
			&Owner{Identity: acme().Identity, Attributes: []Attribute{{"service.name", "unknown_service"}}},
			raw{},
			SlowResource,
		},

		{"agent", agent(), acme(), raw{}, SlowNone},
		{"agent, service is named", agent(), acme(), raw{"service.name": "shop"}, SlowNone},
		{"agent, data of this machine", agent(), acme(), raw{"host.name": "vm-1", "host.id": "i-0"}, SlowNone},
		{"agent, data of another machine", agent(), acme(), raw{"host.name": "vm-2"}, SlowNone},
		{"agent, data of another machine by ID", agent(), acme(), raw{"host.id": "i-0"}, SlowNone},
		{"agent, host of another type", agent(), acme(), raw{"host.name": 1}, SlowNone},
		{"agent, host is empty", agent(), acme(), raw{"host.name": ""}, SlowResource},
		{"agent, another system", agent(), acme(), raw{"os.type": "windows"}, SlowNone},
		{"agent, the same system", agent(), acme(), raw{"os.type": "linux"}, SlowNone},
		{"agent, system is empty", agent(), acme(), raw{"os.type": ""}, SlowResource},
		{"agent, process", agent(), acme(), raw{"process.pid": 1}, SlowNone},
		{"agent, name of a process", agent(), acme(), raw{"process.executable.name": "x"}, SlowNone},
		{"agent, process is empty", agent(), acme(), raw{"process.pid": ""}, SlowResource},
		{
			"agent, owner's host", agent(),
			&Owner{Identity: acme().Identity, Attributes: []Attribute{{"host.name", "vm-2"}}},
			raw{},
			SlowNone,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, signal := range tenant.AllSignals() {
				data := sampleRequest(t, signal, 3, func(m pcommon.Map) { require.NoError(t, m.FromRaw(tt.in)) })
				stamped(t, tt.stamper, signal, data, tt.owner, tt.want)
			}
		})
	}
}

func TestEncoded_Severity(t *testing.T) {
	type attributes map[string]any
	for _, tt := range []struct {
		name       string
		number     plog.SeverityNumber
		text       string
		attributes attributes
		want       Slow
	}{
		{name: "no severity"},
		{name: "number alone", number: 9},
		{name: "lowest number", number: 1, text: "x"},
		{name: "highest number", number: 24, text: "x"},
		{name: "text is the word", number: 17, text: "error"},
		{name: "text of equal length", number: 17, text: "ERROR"},
		{name: "text is longer", number: 13, text: "WARNING"},
		{name: "text is shorter", number: 9, text: "I"},
		{name: "text is much longer", number: 9, text: "information that is so long that its length needs two bytes, and that the length of the record becomes shorter: xxxxxxxxxxxxxxxxxxxxxxx"},
		{name: "number below the range", number: -1, text: "warn", want: SlowSeverity},
		{name: "number above the range", number: 25, want: SlowSeverity},
		{name: "number is large", number: 1 << 30, want: SlowSeverity},
		{name: "text alone", text: "warn"},
		{name: "text alone in capitals", text: "WARNING"},
		{name: "text with brackets", text: "[Error]: "},
		{name: "unknown text", text: "custom"},
		{name: "text that is too long for a word", text: "this text is longer than any word for a level in any logger that there is, and it is unknown"},
		{name: "blank text", text: " \t"},
		{name: "attribute severity", attributes: attributes{"severity": "err"}},
		{name: "attribute level is a number", attributes: attributes{"level": 30}},
		{name: "attribute level is a double", attributes: attributes{"level": 60.0}},
		{name: "attribute log.level", attributes: attributes{"log.level": "TRACE"}},
		{name: "severity before level", attributes: attributes{"severity": "error", "level": "info"}},
		{name: "unknown severity, known level", attributes: attributes{"severity": "custom", "level": "info"}},
		{name: "unknown text, known attribute", text: "custom", attributes: attributes{"level": "warn"}},
		{name: "unknown attribute", attributes: attributes{"level": "custom"}},
		{name: "attribute of another type", attributes: attributes{"level": true}},
		{name: "attribute with no value", attributes: attributes{"level": nil}},
		{name: "attribute is a list", attributes: attributes{"level": []any{"info"}}},
		{name: "number wins over attributes", number: 5, attributes: attributes{"level": "fatal"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, normalize := range []bool{true, false} {
				for _, body := range []int{0, 80, 120, 16_350} { // lengths around those at which a length grows
					ld := plog.NewLogs()
					rl := ld.ResourceLogs().AppendEmpty()
					for range 3 {
						sl := rl.ScopeLogs().AppendEmpty()
						for i := range 3 {
							record := sl.LogRecords().AppendEmpty()
							record.SetTimestamp(5)
							record.Body().SetStr(string(make([]byte, body+i)))
							record.SetSeverityNumber(tt.number)
							record.SetSeverityText(tt.text)
							require.NoError(t, record.Attributes().FromRaw(tt.attributes))
						}
					}
					want := tt.want
					if !normalize {
						want = SlowNone
					}
					stamped(t, &Stamper{NormalizeSeverity: normalize}, tenant.Logs, encodeLogs(t, ld), acme(), want)
				}
			}
		})
	}
}

func TestEncoded_Limits(t *testing.T) {
	stamper := &Stamper{NormalizeSeverity: true}
	for _, signal := range tenant.AllSignals() {
		data := sampleRequest(t, signal, 10, func(m pcommon.Map) {
			m.PutEmptyMap("a").PutEmptySlice("b").AppendEmpty().SetEmptyMap()
		})
		counts, err := otlpwire.CheckProto(signal, data, otlpwire.Limits{})
		require.NoError(t, err)
		for reason, tt := range map[otlpwire.Reason]struct{ limits, below otlpwire.Limits }{
			otlpwire.ReasonDepth:    {otlpwire.Limits{Depth: counts.Depth}, otlpwire.Limits{Depth: counts.Depth - 1}},
			otlpwire.ReasonElements: {otlpwire.Limits{Elements: counts.Elements}, otlpwire.Limits{Elements: counts.Elements - 1}},
			otlpwire.ReasonMemory:   {otlpwire.Limits{Memory: counts.Memory}, otlpwire.Limits{Memory: counts.Memory - 1}},
		} {
			got, err := compare(t, stamper, signal, data, acme(), tt.limits)
			require.NoError(t, err, reason)
			assert.Equal(t, SlowNone, got.Slow, reason)
			_, err = compare(t, stamper, signal, data, acme(), tt.below)
			var rejected *otlpwire.Error
			require.ErrorAs(t, err, &rejected, reason)
			assert.Equal(t, reason, rejected.Reason)
		}
	}
}

func TestEncoded_AllocatesOnlyTheResult(t *testing.T) {
	stamper := &Stamper{NormalizeSeverity: true}
	for _, signal := range tenant.AllSignals() {
		data := sampleRequest(t, signal, 100, pdatasample.Resource)
		owner := &Owner{Identity: acme().Identity, Attributes: []Attribute{{"team", "shop"}}}
		fewest := math.Inf(1)
		for range 20 { // the race detector makes pools forget some of what they have
			fewest = min(fewest, testing.AllocsPerRun(1, func() {
				e, err := stamper.Encoded(signal, data, owner, otlpwire.Limits{Depth: 64})
				if err != nil || e.Data == nil {
					t.Error("not stamped", e.Slow, err)
				}
			}))
		}
		assert.LessOrEqual(t, fewest, 1.0, signal)
	}
}

// A stamper is shared by requests of all tenants at the same time.
func TestEncoded_Concurrent(t *testing.T) {
	stamper := &Stamper{NormalizeSeverity: true}
	var wg sync.WaitGroup
	for i := range 4 {
		signal := tenant.AllSignals()[i%len(tenant.AllSignals())]
		owner := &Owner{Identity: Attribute{"business_id", strings.Repeat(string(rune('a'+i)), 10*i)}}
		data := sampleRequest(t, signal, 20+i, pdatasample.Resource)
		want := decodeAndStamp(t, stamper, signal, data, owner)
		wg.Go(func() {
			for range 200 {
				got, err := stamper.Encoded(signal, data, owner, otlpwire.Limits{})
				if assert.NoError(t, err) && assert.Equal(t, SlowNone, got.Slow) {
					assert.True(t, bytes.Equal(want.data, decodeAndStamp(t, stamper, signal, got.Data, nil).data))
				}
			}
		})
	}
	wg.Wait()
}

// A request must not stay in memory until the next one, nor what a large one needs.
func TestEncoded_ForgetsTheRequest(t *testing.T) {
	large := &Stamper{}
	data := sampleRequest(t, tenant.Logs, 1, func(m pcommon.Map) {
		for i := range 2 * maxAttributes {
			m.PutStr(fmt.Sprint("key ", i), "value")
		}
	})
	e := &editor{}
	for _, data := range [][]byte{data, sampleRequest(t, tenant.Logs, 1, pdatasample.Resource)} {
		e.begin(large, acme())
		_, err := e.edit.Run(tenant.Logs, data, otlpwire.EditRules{Editor: e, Key: "business_id"})
		require.NoError(t, err)
		require.NotEmpty(t, e.attributes)
		e.end()
		assert.Less(t, cap(e.attributes), 2*maxAttributes)
		for _, a := range e.attributes[:cap(e.attributes)] {
			assert.Zero(t, a)
		}
		assert.Nil(t, e.owner)
	}
}

func TestSlow_HasANameForEachReason(t *testing.T) {
	names := map[string]bool{}
	for s := range NumSlow {
		assert.Regexp(t, "^[a-z][a-z_0-9]+$", s.String())
		names[s.String()] = true
	}
	assert.Len(t, names, int(NumSlow))
	for _, s := range slowOf {
		assert.Less(t, s, NumSlow)
	}
}
