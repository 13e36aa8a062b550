// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package iac checks distributions/terraform as far as that is possible without the
// providers, which OpenTofu downloads: it evaluates variables, validations, locals, outputs
// and templates with the libraries that OpenTofu itself uses, and compares arguments of
// resources with a table from the documentation of the providers. Plan and apply are not
// run.
package iac
