// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package push decodes push requests of Loki, in JSON and protobuf, into log records.
//
// It uses no reflection and no messages in between: a [Builder] makes the records while
// a body is read. All texts of a request are in few allocations, and none of them uses
// the memory of the body.
package push
