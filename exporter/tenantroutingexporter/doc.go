// Package tenantroutingexporter delivers each tenant's telemetry to that
// tenant's own destinations, as a hot registry says, through lanes that keep
// one tenant's trouble from becoming another's.
package tenantroutingexporter

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml
