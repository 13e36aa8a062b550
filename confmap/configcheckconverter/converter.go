// Package configcheckconverter refuses configurations of a collector that lose
// data, before anything starts and in `validate`.
//
// It changes nothing. The tenant_registry extension checks the same when it is
// started, and logs warnings too, in collectors that are built without this.
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
