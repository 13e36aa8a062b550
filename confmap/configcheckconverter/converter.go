// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package configcheckconverter rejects configurations of a collector that lose
// data, before anything starts and in `validate`.
//
// It changes nothing. The extensions tenant_registry and request_guard check the same
// when they are started, and log warnings too.
package configcheckconverter

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/configcheck"
)

// NewFactory returns the factory of the converter, for the list of converters in
// a builder's manifest.
func NewFactory() confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(confmap.ConverterSettings) confmap.Converter { return converter{} })
}

type converter struct{}

// Convert implements confmap.Converter.
func (converter) Convert(_ context.Context, conf *confmap.Conf) error {
	var errs []error
	for _, f := range configcheck.Check(conf.ToStringMap()) {
		if f.Refuse {
			errs = append(errs, errors.New(f.String()))
		}
	}
	return errors.Join(errs...)
}
