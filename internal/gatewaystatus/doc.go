// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package gatewaystatus is what a gateway says about itself and its tenants to its operator:
// the JSON of the status API that the tenant_health extension serves, the findings in it, and
// the client with which tenantctl reads it.
//
// A finding says what is wrong and what to do, so that nobody has to know what to look for.
package gatewaystatus
