// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

// unknownService is the service of a stream that has none of the labels that name one.
const unknownService = "unknown_service"

// serviceLabels are the labels of which Loki takes service_name if a stream has none, in
// its order.
var serviceLabels = [...]string{
	"service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container", "container_name",
	"k8s_container_name", "component", "workload", "job", "k8s_job_name",
}

// discoverService returns the service of a stream, from a label other than service_name.
func discoverService(labels []pair) string {
	best, service := len(serviceLabels), unknownService
	for _, l := range labels {
		for i, name := range serviceLabels[:best] {
			if l.name == name {
				best, service = i, l.value
				break
			}
		}
	}
	return service
}
