// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelcol-tenant/otelcol-tenant/internal/lookalike"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
)

// resourceEditor adds attributes to one resource. Its methods return false if an attribute
// that the resource has would have to be changed.
type resourceEditor struct {
	*editor
	dst []byte // with the added attributes
}

// encodedAttribute is an attribute of an encoded resource.
type encodedAttribute struct {
	key   []byte
	value otlpwire.Value
}

// stamp is Attribute.stamp.
func (r *resourceEditor) stamp(a Attribute, why Slow) bool {
	found := false
	for i := range r.attributes {
		b := &r.attributes[i]
		if !lookalike.Is(b.key, a.Key) {
			continue
		}
		if text, ok := b.value.Text(); found || !ok || string(text) != a.Value || string(b.key) != a.Key {
			return r.refuse(why)
		}
		found = true
	}
	if !found {
		r.dst = otlpwire.AppendTextAttribute(r.dst, a.Key, a.Value)
	}
	return true
}

// fill is Stamper.fill.
func (r *resourceEditor) fill() bool {
	s := r.stamper
	return r.fillMachine(&s.Machine) &&
		(s.ServiceName == "" || r.namesService() || r.putText(keyServiceName, s.ServiceName)) &&
		r.fillEnvironment(s.Environment)
}

// fillMachine is Machine.fill.
func (r *resourceEditor) fillMachine(d *Machine) bool {
	if len(d.host)+len(d.os)+len(d.process) == 0 || r.fromElsewhere(d) {
		return true
	}
	if len(d.process) > 0 && !r.namesService() && !r.get(keyProcessPID).has() && !r.get(keyProcessName).has() && !r.put(d.process) {
		return false
	}
	if !r.put(d.host) {
		return false
	}
	if len(d.os) == 0 {
		return true
	}
	if t := r.get(keyOSType); t.has() && !t.is(d.os[0].Value.AsString()) {
		return true
	}
	return r.put(d.os)
}

// fromElsewhere is Machine.fromElsewhere.
func (r *resourceEditor) fromElsewhere(d *Machine) bool {
	if name := r.get(keyHostName); name.has() {
		return !name.is(d.hostName)
	}
	id := r.get(keyHostID)
	return id.has() && !id.is(d.hostID)
}

// put adds the attributes that the resource lacks.
func (r *resourceEditor) put(attributes []attribute.KeyValue) bool {
	for _, a := range attributes {
		key := string(a.Key)
		switch found := r.get(key); {
		case found.has():
		case found.present:
			return r.refuse(SlowResource)
		case a.Value.Type() == attribute.INT64:
			r.dst = otlpwire.AppendIntAttribute(r.dst, key, a.Value.AsInt64())
		default:
			r.dst = otlpwire.AppendTextAttribute(r.dst, key, a.Value.AsString())
		}
	}
	return true
}

// putText adds an attribute.
func (r *resourceEditor) putText(key, value string) bool {
	if r.get(key).present {
		return r.refuse(SlowResource)
	}
	r.dst = otlpwire.AppendTextAttribute(r.dst, key, value)
	return true
}

// namesService is namesService for decoded data.
func (r *resourceEditor) namesService() bool {
	name := r.get(keyServiceName)
	return name.has() && !name.startsWith(unknownService)
}

// fillEnvironment is Stamper.fillEnvironment.
func (r *resourceEditor) fillEnvironment(environment string) bool {
	switch old, current := r.get(keyEnvironment), r.get(keyEnvironmentName); {
	case old.has() && current.has():
		return true
	case old.has():
		return r.copyTo(keyEnvironmentName, current, old)
	case current.has():
		return r.copyTo(keyEnvironment, old, current)
	case environment != "":
		return r.putText(keyEnvironment, environment) && r.putText(keyEnvironmentName, environment)
	}
	return true
}

// copyTo adds the attribute key, which is to as it is now, with the value of from.
func (r *resourceEditor) copyTo(key string, to, from present) bool {
	if to.present {
		return r.refuse(SlowResource)
	}
	if from.owned {
		r.dst = otlpwire.AppendTextAttribute(r.dst, key, from.text)
	} else {
		r.dst = otlpwire.AppendAttribute(r.dst, key, from.value)
	}
	return true
}

// get returns the first attribute with this key, of those that the resource has after it was
// stamped with those of the owner.
func (r *resourceEditor) get(key string) present {
	for i := range r.attributes {
		if a := &r.attributes[i]; string(a.key) == key {
			return present{present: true, value: a.value}
		}
	}
	if key == r.owner.Identity.Key {
		return present{present: true, owned: true, text: r.owner.Identity.Value}
	}
	for i := range r.owner.Attributes {
		if a := &r.owner.Attributes[i]; a.Key == key {
			return present{present: true, owned: true, text: a.Value}
		}
	}
	return present{}
}
