//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package bearerkeyauthextension tells the tenant of a request from its bearer
// key alone (server), and adds such a key to outgoing requests (client).
package bearerkeyauthextension
