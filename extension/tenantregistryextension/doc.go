//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package tenantregistryextension keeps the tenants, keys, limits and routes of
// a gateway current: it reads them from a file, notices every change within a
// second, and never lets a bad or missing file replace what was good.
package tenantregistryextension
