package tenantprocessor

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

const (
	keyServiceName     = "service.name"
	unknownService     = "unknown_service"
	keyEnvironment     = "deployment.environment" // what the dashboards of today filter on
	keyEnvironmentName = "deployment.environment.name"
)

// resourceStamp says what resources get besides the tenant's ID.
type resourceStamp struct {
	environment string
	serviceName string
	detected    detected
}

// fill adds to m what it lacks, and changes nothing that it says.
func (s *resourceStamp) fill(m pcommon.Map) {
	s.detected.fill(m)
	if s.serviceName != "" && !namesService(m) {
		m.PutStr(keyServiceName, s.serviceName)
	}
	s.fillEnvironment(m)
}

// fillEnvironment gives m both spellings of the environment.
func (s *resourceStamp) fillEnvironment(m pcommon.Map) {
	switch old, current := says(m, keyEnvironment), says(m, keyEnvironmentName); {
	case old && current:
	case old:
		copyAttribute(m, keyEnvironment, keyEnvironmentName)
	case current:
		copyAttribute(m, keyEnvironmentName, keyEnvironment)
	case s.environment != "":
		m.PutStr(keyEnvironment, s.environment)
		m.PutStr(keyEnvironmentName, s.environment)
	}
}

func copyAttribute(m pcommon.Map, from, to string) {
	v, _ := m.Get(from)
	value := pcommon.NewValueEmpty()
	v.CopyTo(value) // PutEmpty may move what v points to
	value.CopyTo(m.PutEmpty(to))
}

// says tells whether m has key with a value that is not the empty string.
func says(m pcommon.Map, key string) bool {
	v, ok := m.Get(key)
	return ok && v.Type() != pcommon.ValueTypeEmpty && (v.Type() != pcommon.ValueTypeStr || v.Str() != "")
}

// namesService tells whether m names its service, which the SDKs' stand-in
// unknown_service:<program> does not.
func namesService(m pcommon.Map) bool {
	v, ok := m.Get(keyServiceName)
	return ok && says(m, keyServiceName) && !strings.HasPrefix(v.Str(), unknownService)
}

// stampResource makes m say whose data it is and where it is from. It returns
// how many attributes named another tenant.
func (p *tenantProcessor) stampResource(m pcommon.Map, who owner) (wrong int) {
	wrong = who.identity.stamp(m)
	for _, attribute := range who.attributes {
		attribute.stamp(m)
	}
	p.resource.fill(m)
	return wrong
}
