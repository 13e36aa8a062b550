// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
)

// Config is the end-user configuration of the extension.
type Config struct {
	// ServerConfig configures the HTTP server. Its endpoint defaults to localhost:13133. The
	// responses have no secrets, but they are not meant for the public.
	confighttp.ServerConfig `mapstructure:",squash"`

	// Path is the path of the state. Path + "/live" returns 200 while the process runs.
	// Defaults to "/health".
	Path string `mapstructure:"path"`

	// RegistryMaxAge is how long the source of a registry may be invalid or unavailable before
	// the registry is reported as stale. Defaults to 1m.
	RegistryMaxAge time.Duration `mapstructure:"registry_max_age"`

	// Conditions enables the tracking of faults of components, which is meant for agents.
	// Without it, a response contains no address, path or tenant.
	Conditions configoptional.Optional[ConditionsConfig] `mapstructure:"conditions"`

	// Status enables the status API of a gateway, which shows each tenant to its operator.
	Status configoptional.Optional[StatusConfig] `mapstructure:"status"`

	// Metrics configures the metrics of the extension.
	Metrics MetricsConfig `mapstructure:"metrics"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

// plainPath matches a path that is equal in a configuration and in a request.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// Validate implements confmap.Validator.
func (c *Config) Validate() error {
	errs := []error{durations.Check(c)}
	if c.NetAddr.Endpoint == "" {
		errs = append(errs, errors.New(`"endpoint" is required`))
	}
	// http.ServeMux panics for some of the other paths, and no request matches the rest.
	if !plainPath.MatchString(c.Path) || path.Clean(c.Path) != c.Path {
		errs = append(errs, fmt.Errorf(`"path" must begin with a slash, not end with one, and be plain, got %q`, c.Path))
	}
	if c.RegistryMaxAge <= 0 {
		errs = append(errs, fmt.Errorf(`"registry_max_age" must be positive, got %v`, c.RegistryMaxAge))
	}
	if c.Metrics.Tenant && !c.Status.HasValue() {
		errs = append(errs, errors.New(`"metrics::tenant" needs "status"`))
	}
	return errors.Join(errs...)
}

// StatusConfig configures the status API of a gateway.
type StatusConfig struct {
	// Socket is the path of the Unix socket of the API. Its owner and group may use it. If it
	// cannot be created, the extension logs that and tries again. Required.
	Socket string `mapstructure:"socket"`

	// Registry is the registry of the tenants. Defaults to tenant_registry.
	Registry component.ID `mapstructure:"registry"`

	// SilentAfter is how long a tenant or a key that was in use must send nothing to be
	// silent. Defaults to 15m.
	SilentAfter time.Duration `mapstructure:"silent_after"`

	// InactiveAfter is how long until what is silent is inactive, which nobody has to look
	// after. Defaults to 168h.
	InactiveAfter time.Duration `mapstructure:"inactive_after"`

	// StateFile keeps the last use of tenants and keys over restarts. It is written once a
	// minute. Without it they are unknown after a restart.
	StateFile string `mapstructure:"state_file"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ confmap.Validator = (*StatusConfig)(nil)

func defaultStatus() StatusConfig {
	return StatusConfig{Registry: component.MustNewID("tenant_registry"), SilentAfter: 15 * time.Minute, InactiveAfter: 7 * 24 * time.Hour}
}

// Validate implements confmap.Validator.
func (c *StatusConfig) Validate() error {
	var errs []error
	if c.Socket == "" {
		errs = append(errs, errors.New(`"socket" is required`))
	}
	if c.Registry == (component.ID{}) {
		errs = append(errs, errors.New(`"registry" is required`))
	}
	if c.SilentAfter <= 0 {
		errs = append(errs, fmt.Errorf(`"silent_after" must be positive, got %v`, c.SilentAfter))
	}
	if c.InactiveAfter <= c.SilentAfter {
		errs = append(errs, fmt.Errorf(`"inactive_after" must be longer than "silent_after", got %v and %v`, c.InactiveAfter, c.SilentAfter))
	}
	return errors.Join(errs...)
}

// MetricsConfig configures the metrics of the extension.
type MetricsConfig struct {
	// Tenant adds a metric with three series for each tenant that has sent data. Defaults to
	// false.
	Tenant bool `mapstructure:"tenant"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// maxConditionDelay is the maximum of BeginAfter and EndAfter. A response that is later is of no
// use.
const maxConditionDelay = time.Hour

// ConditionsConfig configures when a fault is a condition.
type ConditionsConfig struct {
	// BeginAfter is how long a fault must last before its condition begins.
	// Defaults to 10s.
	BeginAfter time.Duration `mapstructure:"begin_after"`

	// EndAfter is how long a fault must be absent before its condition ends.
	// Defaults to 10s.
	EndAfter time.Duration `mapstructure:"end_after"`

	// QueueAge is the maximum age of data in a queue. Defaults to 5m.
	QueueAge time.Duration `mapstructure:"queue_age"`

	// QueueFullness is the maximum fraction of a queue's capacity that may be in use. Defaults
	// to 0.8.
	QueueFullness float64 `mapstructure:"queue_fullness"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ confmap.Validator = (*ConditionsConfig)(nil)

func defaultConditions() ConditionsConfig {
	return ConditionsConfig{BeginAfter: 10 * time.Second, EndAfter: 10 * time.Second, QueueAge: 5 * time.Minute, QueueFullness: 0.8}
}

// Validate implements confmap.Validator.
func (c *ConditionsConfig) Validate() error {
	var errs []error
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"begin_after", c.BeginAfter}, {"end_after", c.EndAfter}} {
		if d.value < 0 || d.value > maxConditionDelay {
			errs = append(errs, fmt.Errorf("%q must be from 0 to %v, got %v", d.key, maxConditionDelay, d.value))
		}
	}
	if c.QueueAge <= 0 {
		errs = append(errs, fmt.Errorf(`"queue_age" must be positive, got %v`, c.QueueAge))
	}
	if !(c.QueueFullness > 0 && c.QueueFullness <= 1) { // also false for NaN
		errs = append(errs, fmt.Errorf(`"queue_fullness" must be above 0 and at most 1, got %v`, c.QueueFullness))
	}
	return errors.Join(errs...)
}
