// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import (
	"fmt"
	"regexp"
)

// serviceLink is the value of the variable NAME_PORT that Kubernetes sets in the pods of
// a namespace that has a Service with that name.
var serviceLink = regexp.MustCompile(`^(tcp|udp|sctp)://\S+:[0-9]+$`)

// checkServiceLinks checks the ports below key that come from a variable such as METRICS_PORT.
// Kubernetes sets the same variable for a Service named metrics.
func (c *checker) checkServiceLinks(key string, conf any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := conf.(type) {
	case map[string]any:
		for _, name := range sortedKeys(v) {
			inner := name
			if key != "" {
				inner = key + "::" + name
			}
			if value, ok := v[name].(string); ok && name == "port" && serviceLink.MatchString(value) {
				c.refuse(ServiceLink, inner, "is %s and not a number: Kubernetes sets a variable such as METRICS_PORT to this if the namespace has a Service named metrics; "+
					"set the variable in the pod to a port, or enableServiceLinks to false", value)
			}
			c.checkServiceLinks(inner, v[name], depth+1)
		}
	case []any:
		for i := range v {
			c.checkServiceLinks(fmt.Sprintf("%s::%d", key, i), v[i], depth+1)
		}
	}
}
