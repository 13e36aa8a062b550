// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package redact

// Holder is an extension that puts secrets into requests, such as an authenticator. A
// component that shows the answer to such a request removes the secrets of the holder
// from it.
type Holder interface {
	// Secrets returns the current secrets. It is safe for concurrent use.
	Secrets() []string
}
