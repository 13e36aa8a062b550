//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package tenanthealthextension answers load balancers and operators who ask over
// HTTP whether the gateway can work: how old its registry is and in what state
// the lanes to the backends are, without naming a tenant.
package tenanthealthextension
