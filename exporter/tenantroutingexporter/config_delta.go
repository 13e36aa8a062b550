package tenantroutingexporter

import (
	"errors"
	"fmt"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// DeltaConfig says how delta metrics become cumulative ones.
type DeltaConfig struct {
	// GatewayAttribute is an attribute that each converted data point gets, whose value is
	// GatewayID. Several gateways that get parts of the same delta time series each make
	// totals of what they get; without an attribute that tells them apart a backend would
	// take all of them for one. Empty: none, which is right for a single gateway only.
	GatewayAttribute string `mapstructure:"gateway_attribute"`

	// GatewayID must be another for each gateway, and should be the same after a restart.
	// Empty: one that is chosen at random at the first start and kept beside the queue of
	// storage; without storage another one at each start.
	GatewayID string `mapstructure:"gateway_id"`

	// MaxFuture bounds how far data points may be dated ahead of the gateway's clock.
	MaxFuture time.Duration `mapstructure:"max_future"`

	// MaxSeries bounds the delta time series of all tenants. One tenant may have as many as
	// are still free, hence at most half.
	MaxSeries int `mapstructure:"max_series"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// defaultGatewayAttribute is the default of DeltaConfig.GatewayAttribute.
const defaultGatewayAttribute = "otelcol.gateway"

// defaultMaxFuture is half of what Prometheus takes: late points may get times twice as far
// ahead as MaxFuture.
const defaultMaxFuture = 5 * time.Minute

func defaultDelta() DeltaConfig {
	return DeltaConfig{GatewayAttribute: defaultGatewayAttribute, MaxFuture: defaultMaxFuture, MaxSeries: 250_000}
}

func (c *DeltaConfig) validate() (errs []error) {
	if c.GatewayID != "" {
		if c.GatewayAttribute == "" {
			errs = append(errs, errors.New(`"delta_to_cumulative::gateway_id" has no use without "delta_to_cumulative::gateway_attribute"`))
		}
		if tenant.ID(c.GatewayID).Validate() != nil {
			errs = append(errs, fmt.Errorf(`"delta_to_cumulative::gateway_id" must be 1 to 150 letters, digits and !_.*'()-, got %q`, c.GatewayID))
		}
	}
	if c.MaxFuture < minDuration {
		errs = append(errs, fmt.Errorf(`"delta_to_cumulative::max_future" must be at least %v, got %v`, minDuration, c.MaxFuture))
	}
	if c.MaxSeries <= 0 {
		errs = append(errs, errors.New(`"delta_to_cumulative::max_series" must be positive`))
	}
	return errs
}
