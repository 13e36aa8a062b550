// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"context"
	"runtime"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

const (
	keyHostName    = "host.name"
	keyHostID      = "host.id"
	keyHostArch    = "host.arch"
	keyOSType      = "os.type"
	keyProcessPID  = "process.pid"
	keyProcessName = "process.executable.name"
)

// Machine has the detected attributes of this machine. The zero value adds nothing.
type Machine struct {
	// hostName and hostID identify data of this machine.
	hostName, hostID string

	host    []attribute.KeyValue
	os      []attribute.KeyValue
	process []attribute.KeyValue
}

// Groups are the groups of attributes to detect.
type Groups struct {
	Host    bool // host.name, host.id and host.arch
	OS      bool // os.type and os.description
	Process bool // process.pid and process.executable.name of the collector
}

// Detect detects groups. If it fails for some, it returns the others and an error.
func Detect(ctx context.Context, groups Groups) (Machine, error) {
	if groups == (Groups{}) {
		return Machine{}, nil
	}
	found, err := resource.New(ctx, resource.WithHost(), resource.WithHostID(), resource.WithOS(),
		resource.WithProcessPID(), resource.WithProcessExecutableName())
	set := found.Set()
	group := func(wanted bool, keys ...attribute.Key) (attributes []attribute.KeyValue) {
		for _, key := range keys {
			if v, ok := set.Value(key); ok && wanted {
				attributes = append(attributes, attribute.KeyValue{Key: key, Value: v})
			}
		}
		return attributes
	}
	d := Machine{
		host:    group(groups.Host, keyHostName, keyHostID),
		os:      group(groups.OS, keyOSType, "os.description"),
		process: group(groups.Process, keyProcessPID, keyProcessName),
	}
	if groups.Host {
		d.host = append(d.host, attribute.String(keyHostArch, arch(runtime.GOARCH)))
	}
	for _, id := range group(true, keyHostName, keyHostID) {
		if id.Key == keyHostName {
			d.hostName = id.Value.AsString()
		} else {
			d.hostID = id.Value.AsString()
		}
	}
	return d, err
}

// arch returns the semantic conventions' name of a Go architecture.
func arch(goarch string) string {
	switch goarch {
	case "arm":
		return "arm32"
	case "386":
		return "x86"
	case "ppc64le":
		return "ppc64"
	}
	return goarch
}

// fill adds the detected attributes to a resource that lacks them. Data that names another host
// gets nothing, because a mixture of two machines is worse than nothing.
func (d *Machine) fill(m pcommon.Map) {
	if d.fromElsewhere(m) {
		return
	}
	if len(d.process) > 0 && !namesService(m) && !has(m, keyProcessPID) && !has(m, keyProcessName) {
		put(m, d.process)
	}
	put(m, d.host)
	if len(d.os) > 0 && (!has(m, keyOSType) || is(m, keyOSType, d.os[0].Value.AsString())) {
		put(m, d.os)
	}
}

// fromElsewhere reports whether a resource names another host. It compares the IDs only
// if there is no name: cloud detectors of SDKs use another kind of ID.
func (d *Machine) fromElsewhere(m pcommon.Map) bool {
	if has(m, keyHostName) {
		return !is(m, keyHostName, d.hostName)
	}
	return has(m, keyHostID) && !is(m, keyHostID, d.hostID)
}

func is(m pcommon.Map, key, value string) bool {
	v, _ := m.Get(key)
	return v.Type() == pcommon.ValueTypeStr && v.Str() == value
}

func put(m pcommon.Map, attributes []attribute.KeyValue) {
	for _, a := range attributes {
		switch key := string(a.Key); {
		case has(m, key):
		case a.Value.Type() == attribute.INT64:
			m.PutInt(key, a.Value.AsInt64())
		default:
			m.PutStr(key, a.Value.AsString())
		}
	}
}
