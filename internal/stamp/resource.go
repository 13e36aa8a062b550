// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package stamp

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	keyServiceName     = "service.name"
	unknownService     = "unknown_service"
	keyEnvironment     = "deployment.environment" // the spelling that dashboards filter on
	keyEnvironmentName = "deployment.environment.name"
)

// fill adds to m the attributes that it lacks, and changes none that it has.
func (s *Stamper) fill(m pcommon.Map) {
	s.Machine.fill(m)
	if s.ServiceName != "" && !namesService(m) {
		m.PutStr(keyServiceName, s.ServiceName)
	}
	s.fillEnvironment(m)
}

// fillEnvironment gives m both spellings of the environment.
func (s *Stamper) fillEnvironment(m pcommon.Map) {
	switch old, current := has(m, keyEnvironment), has(m, keyEnvironmentName); {
	case old && current:
	case old:
		copyAttribute(m, keyEnvironment, keyEnvironmentName)
	case current:
		copyAttribute(m, keyEnvironmentName, keyEnvironment)
	case s.Environment != "":
		m.PutStr(keyEnvironment, s.Environment)
		m.PutStr(keyEnvironmentName, s.Environment)
	}
}

func copyAttribute(m pcommon.Map, from, to string) {
	v, _ := m.Get(from)
	value := pcommon.NewValueEmpty()
	v.CopyTo(value) // PutEmpty may move what v points to
	value.CopyTo(m.PutEmpty(to))
}

// has reports whether m has key with a value that is not the empty string.
func has(m pcommon.Map, key string) bool {
	v, ok := m.Get(key)
	return ok && v.Type() != pcommon.ValueTypeEmpty && (v.Type() != pcommon.ValueTypeStr || v.Str() != "")
}

// namesService reports whether m names its service. The SDKs' placeholder
// unknown_service:<program> is no name.
func namesService(m pcommon.Map) bool {
	v, ok := m.Get(keyServiceName)
	return ok && has(m, keyServiceName) && !strings.HasPrefix(v.Str(), unknownService)
}

// resource sets the owner's attributes in m and adds those that m lacks. It returns how
// many attributes named another tenant.
func (s *Stamper) resource(m pcommon.Map, o *Owner) (wrong int) {
	wrong = o.Identity.stamp(m)
	for _, a := range o.Attributes {
		a.stamp(m)
	}
	s.fill(m)
	return wrong
}
