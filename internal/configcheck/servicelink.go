package configcheck

import (
	"fmt"
	"regexp"
)

// serviceLink is the value of the variable NAME_PORT that Kubernetes sets in the pods of
// a namespace that has a Service with that name.
var serviceLink = regexp.MustCompile(`^(tcp|udp|sctp)://\S+:[0-9]+$`)

// serviceLinks is about ports that a variable such as METRICS_PORT gives, in what is at
// key. A Service named metrics sets it too.
func (c *checker) serviceLinks(key string, conf any, depth int) {
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
				c.refuse(inner, "is %s and not a number: Kubernetes sets a variable such as METRICS_PORT to this where the namespace has a Service named metrics; "+
					"set the variable in the pod to a port, or enableServiceLinks to false", value)
			}
			c.serviceLinks(inner, v[name], depth+1)
		}
	case []any:
		for i := range v {
			c.serviceLinks(fmt.Sprintf("%s::%d", key, i), v[i], depth+1)
		}
	}
}
