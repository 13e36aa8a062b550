// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"context"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"
)

type raw = map[string]any

func TestResourceStamp_FillsOnlyWhatIsMissing(t *testing.T) {
	for _, tt := range []struct {
		name     string
		stamp    *Stamper
		in, want raw
	}{
		{"service of the configuration", &Stamper{ServiceName: "shop"}, raw{}, raw{"service.name": "shop"}},
		{"service of the data", &Stamper{ServiceName: "shop"}, raw{"service.name": "api"}, raw{"service.name": "api"}},
		{"the SDKs' placeholder is no service", &Stamper{ServiceName: "shop"}, raw{"service.name": "unknown_service:node"}, raw{"service.name": "shop"}},
		{"an empty name is no service", &Stamper{ServiceName: "shop"}, raw{"service.name": ""}, raw{"service.name": "shop"}},
		{"the placeholder stays without a better one", &Stamper{}, raw{"service.name": "unknown_service:node"}, raw{"service.name": "unknown_service:node"}},
		{
			"environment of the configuration, both spellings",
			&Stamper{Environment: "prod"},
			raw{},
			raw{"deployment.environment": "prod", "deployment.environment.name": "prod"},
		},
		{
			"old spelling is copied to the current one",
			&Stamper{Environment: "prod"},
			raw{"deployment.environment": "dev"},
			raw{"deployment.environment": "dev", "deployment.environment.name": "dev"},
		},
		{
			"current spelling is copied to the old one",
			&Stamper{Environment: "prod"},
			raw{"deployment.environment.name": "dev"},
			raw{"deployment.environment": "dev", "deployment.environment.name": "dev"},
		},
		{
			"copied without a configured environment too",
			&Stamper{},
			raw{"deployment.environment.name": "dev"},
			raw{"deployment.environment": "dev", "deployment.environment.name": "dev"},
		},
		{
			"an empty environment is none",
			&Stamper{Environment: "prod"},
			raw{"deployment.environment": ""},
			raw{"deployment.environment": "prod", "deployment.environment.name": "prod"},
		},
		{
			"both spellings stay though they disagree",
			&Stamper{Environment: "prod"},
			raw{"deployment.environment": "a", "deployment.environment.name": "b"},
			raw{"deployment.environment": "a", "deployment.environment.name": "b"},
		},
		{"no environment anywhere", &Stamper{}, raw{}, raw{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := pcommon.NewMap()
			require.NoError(t, m.FromRaw(tt.in))
			tt.stamp.fill(m)
			assert.Equal(t, tt.want, m.AsRaw())
		})
	}
}

func vm() Machine {
	return Machine{
		hostName: "vm-1", hostID: "id-1",
		host: []attribute.KeyValue{attribute.String("host.name", "vm-1"), attribute.String("host.id", "id-1"), attribute.String("host.arch", "amd64")},
		os:   []attribute.KeyValue{attribute.String("os.type", "linux"), attribute.String("os.description", "Debian")},
		process: []attribute.KeyValue{
			attribute.Int64("process.pid", 42), attribute.String("process.executable.name", "otelcol-tenant"),
		},
	}
}

func TestMachine_FillsOnlyDataOfThisMachine(t *testing.T) {
	described := raw{"service.name": "shop", "host.name": "vm-1", "host.id": "id-1", "host.arch": "amd64", "os.type": "linux", "os.description": "Debian"}
	for _, tt := range []struct {
		name     string
		in, want raw
	}{
		{"no description", raw{"service.name": "shop"}, described},
		{"this host's name", raw{"service.name": "shop", "host.name": "vm-1"}, described},
		{
			"this host's name, a cloud's ID",
			raw{"service.name": "shop", "host.name": "vm-1", "host.id": "i-0"},
			raw{"service.name": "shop", "host.name": "vm-1", "host.id": "i-0", "host.arch": "amd64", "os.type": "linux", "os.description": "Debian"},
		},
		{"another host's name", raw{"service.name": "shop", "host.name": "vm-2"}, raw{"service.name": "shop", "host.name": "vm-2"}},
		{"another host's ID", raw{"service.name": "shop", "host.id": "id-2"}, raw{"service.name": "shop", "host.id": "id-2"}},
		{"a host name that is no string", raw{"service.name": "shop", "host.name": int64(1)}, raw{"service.name": "shop", "host.name": int64(1)}},
		{
			"another system",
			raw{"service.name": "shop", "os.type": "windows"},
			raw{"service.name": "shop", "host.name": "vm-1", "host.id": "id-1", "host.arch": "amd64", "os.type": "windows"},
		},
		{
			"finer words of the data stay",
			raw{"service.name": "shop", "os.type": "linux", "os.description": "mine"},
			raw{"service.name": "shop", "host.name": "vm-1", "host.id": "id-1", "host.arch": "amd64", "os.type": "linux", "os.description": "mine"},
		},
		{
			"a process that is named without a service",
			raw{"process.pid": int64(7)},
			raw{"process.pid": int64(7), "host.name": "vm-1", "host.id": "id-1", "host.arch": "amd64", "os.type": "linux", "os.description": "Debian"},
		},
		{
			"neither service nor process: the collector's own",
			raw{},
			raw{"process.pid": int64(42), "process.executable.name": "otelcol-tenant", "host.name": "vm-1", "host.id": "id-1", "host.arch": "amd64", "os.type": "linux", "os.description": "Debian"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := pcommon.NewMap()
			require.NoError(t, m.FromRaw(tt.in))
			d := vm()
			d.fill(m)
			assert.Equal(t, tt.want, m.AsRaw())
		})
	}
}

func TestDetect_OnThisMachine(t *testing.T) {
	hostname, err := os.Hostname()
	require.NoError(t, err)
	d, err := Detect(context.Background(), Groups{Host: true, OS: true, Process: true})
	if err != nil {
		t.Log("something could not be detected here:", err)
	}
	m := pcommon.NewMap()
	d.fill(m)
	got := m.AsRaw()
	assert.Equal(t, hostname, got["host.name"])
	assert.Equal(t, runtime.GOOS, got["os.type"])
	assert.Equal(t, arch(runtime.GOARCH), got["host.arch"])
	assert.NotEmpty(t, got["os.description"])
	assert.EqualValues(t, os.Getpid(), got["process.pid"])
	assert.NotEmpty(t, got["process.executable.name"])
}

func TestDetect_FindsTheHostWithTheSystemDetectorOnly(t *testing.T) {
	d, _ := Detect(context.Background(), Groups{OS: true})
	m := pcommon.NewMap()
	m.PutStr("host.name", "surely-another-host")
	d.fill(m)
	assert.Equal(t, raw{"host.name": "surely-another-host"}, m.AsRaw())
	m = pcommon.NewMap()
	d.fill(m)
	assert.Contains(t, m.AsRaw(), "os.type")
	assert.NotContains(t, m.AsRaw(), "host.name")
}

func TestDetect_DetectsNothingByDefault(t *testing.T) {
	d, err := Detect(context.Background(), Groups{})
	require.NoError(t, err)
	m := pcommon.NewMap()
	m.PutStr("host.name", "any")
	d.fill(m)
	assert.Equal(t, raw{"host.name": "any"}, m.AsRaw())
}

func TestArch_NamesOfTheSemanticConventions(t *testing.T) {
	for goarch, want := range map[string]string{"amd64": "amd64", "arm64": "arm64", "arm": "arm32", "386": "x86", "ppc64le": "ppc64", "s390x": "s390x"} {
		assert.Equal(t, want, arch(goarch))
	}
}
