// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package template replaces {tenant} and {vars.<name>} in destination settings by the
// values of a tenant, and nothing else.
//
// Each setting has a [Kind] that limits the values at its place, so that neither a tenant ID
// nor a variable can add a header, change a host, leave a directory or add a path element.
// Values are never parsed as templates, and errors never quote them.
package template
