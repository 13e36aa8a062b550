// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package apikey

import "errors"

// ErrWithheld is the error of a request that was not sent, because it would have carried a key over a
// network without TLS. Over gRPC only its text arrives.
var ErrWithheld = errors.New(`the API key is not sent without TLS to an address that is not loopback; use TLS or set "client::insecure"`)
