package tenantprocessor

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

// detected is what was found out about this machine. The zero value fills
// nothing in.
type detected struct {
	// hostName and hostID tell whether data is from this machine.
	hostName, hostID string

	host    []attribute.KeyValue
	os      []attribute.KeyValue
	process []attribute.KeyValue
}

// detect finds out the groups that want asks for. With an error it still returns
// what it found.
func detect(ctx context.Context, want func(Detection) bool) (detected, error) {
	host, os, process := want(DetectHost), want(DetectOS), want(DetectProcess)
	if !host && !os && !process {
		return detected{}, nil
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
	d := detected{
		host:    group(host, keyHostName, keyHostID),
		os:      group(os, keyOSType, "os.description"),
		process: group(process, keyProcessPID, keyProcessName),
	}
	if host {
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

// fill adds what was detected to a resource that lacks it. Data that names
// another host is from elsewhere and gets nothing: half of one machine and half
// of another would be worse than nothing.
func (d *detected) fill(m pcommon.Map) {
	if d.fromElsewhere(m) {
		return
	}
	if len(d.process) > 0 && !namesService(m) && !says(m, keyProcessPID) && !says(m, keyProcessName) {
		put(m, d.process)
	}
	put(m, d.host)
	if len(d.os) > 0 && (!says(m, keyOSType) || is(m, keyOSType, d.os[0].Value.AsString())) {
		put(m, d.os)
	}
}

// fromElsewhere goes by the host's name, and by its ID only where there is no
// name: cloud detectors of SDKs call something else the ID.
func (d *detected) fromElsewhere(m pcommon.Map) bool {
	if says(m, keyHostName) {
		return !is(m, keyHostName, d.hostName)
	}
	return says(m, keyHostID) && !is(m, keyHostID, d.hostID)
}

func is(m pcommon.Map, key, value string) bool {
	v, _ := m.Get(key)
	return v.Type() == pcommon.ValueTypeStr && v.Str() == value
}

func put(m pcommon.Map, attributes []attribute.KeyValue) {
	for _, a := range attributes {
		switch key := string(a.Key); {
		case says(m, key):
		case a.Value.Type() == attribute.INT64:
			m.PutInt(key, a.Value.AsInt64())
		default:
			m.PutStr(key, a.Value.AsString())
		}
	}
}
