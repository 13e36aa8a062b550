// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
	"github.com/otelcol-tenant/otelcol-tenant/internal/lookalike"
	"github.com/otelcol-tenant/otelcol-tenant/internal/stamp"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Source is where the tenant's ID comes from.
type Source string

const (
	// SourceConfig takes it from the configuration: all data is one tenant's.
	SourceConfig Source = "config"
	// SourceAuth takes it from the authenticated caller and from nothing else.
	SourceAuth Source = "auth"
)

// SeverityMode selects what happens to the severity of log records.
type SeverityMode string

const (
	// SeverityNormalize sets the text to trace, debug, info, warn, error or fatal, as
	// the number says.
	SeverityNormalize SeverityMode = "normalize"
	// SeverityKeep leaves it unchanged.
	SeverityKeep SeverityMode = "keep"
)

// Detection is a group of resource attributes that the collector detects.
type Detection string

const (
	// DetectHost is host.name, host.id and host.arch.
	DetectHost Detection = "host"
	// DetectOS is os.type and os.description.
	DetectOS Detection = "os"
	// DetectProcess is process.pid and process.executable.name of the collector,
	// for data that names neither a service nor a process.
	DetectProcess Detection = "process"
)

// LimitsMode selects what happens to data over a tenant's limits.
type LimitsMode string

const (
	// LimitsEnforce rejects it, with the delay after which to send again.
	LimitsEnforce LimitsMode = "enforce"
	// LimitsWarn lets it through and counts it.
	LimitsWarn LimitsMode = "warn"
)

// Scope is where limits apply.
type Scope string

const (
	// ScopeLocal counts in each gateway alone.
	ScopeLocal Scope = "local"
	// ScopeShared counts for all gateways together in Redis.
	ScopeShared Scope = "shared"
)

// LimitsConfig configures how the limits that tenants have in the registry are applied.
type LimitsConfig struct {
	// Mode defaults to "enforce".
	Mode LimitsMode `mapstructure:"mode"`

	// Scope defaults to "local".
	Scope Scope `mapstructure:"scope"`

	// Gateways is the number of gateways among which limits are divided, with scope
	// "local" and while Redis is unavailable. Defaults to 1.
	Gateways int `mapstructure:"gateways"`

	// Redis is where limits are shared.
	Redis RedisConfig `mapstructure:"redis"`

	// Burst is how much of a rate may be sent at once, as the time in which the rate
	// allows it. A larger request passes, and the requests after it wait. A tenant's
	// own burst replaces it. Defaults to 1s.
	Burst time.Duration `mapstructure:"burst"`

	// WarnAt is the share of a quota, above 0 and up to 1, from which the log
	// warns. Defaults to 0.8.
	WarnAt float64 `mapstructure:"warn_at"`

	// TenantMetrics is the deprecated spelling of metrics::tenant.
	TenantMetrics bool `mapstructure:"tenant_metrics"`

	// Storage is the extension that keeps the counts of quotas over a restart.
	// Without it they begin at zero.
	Storage *component.ID `mapstructure:"storage"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// MetricsConfig selects the metrics that the processor reports about itself.
type MetricsConfig struct {
	// Tenant adds metrics with series for each tenant that has limits. Defaults to false.
	Tenant bool `mapstructure:"tenant"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// RedisConfig is the Redis in which gateways share limits.
type RedisConfig struct {
	// Endpoint is host:port or the path of a Unix socket. Required with scope "shared".
	Endpoint string `mapstructure:"endpoint"`

	// Username is the user of Redis. Optional.
	Username string `mapstructure:"username"`

	// Password is the user's password. Optional.
	Password configopaque.String `mapstructure:"password"`

	// DB is the number of the database. Defaults to 0.
	DB int `mapstructure:"db"`

	// KeyPrefix begins the name of every key. Defaults to "otelcol-tenant".
	KeyPrefix string `mapstructure:"key_prefix"`

	// Timeout bounds one call. After it the gateway continues without Redis. Defaults
	// to 100ms.
	Timeout time.Duration `mapstructure:"timeout"`

	// TLS is used if it is set.
	TLS configoptional.Optional[configtls.ClientConfig] `mapstructure:"tls"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Config is the end-user configuration of the processor.
type Config struct {
	// Source is where the tenant's ID comes from. Defaults to "config".
	Source Source `mapstructure:"source"`

	// BusinessID is the tenant's ID. Required with source "config", forbidden
	// with "auth".
	BusinessID string `mapstructure:"business_id"`

	// Attribute is the resource attribute that carries the tenant's ID. On
	// scopes, records and below it is overwritten where it appears. Defaults to
	// "business_id".
	Attribute string `mapstructure:"attribute"`

	// DeploymentEnvironment is stamped as deployment.environment and
	// deployment.environment.name where the data has neither. Optional.
	DeploymentEnvironment string `mapstructure:"deployment_environment"`

	// ServiceName is stamped as service.name where the data has none, or the SDKs'
	// placeholder unknown_service. Optional.
	ServiceName string `mapstructure:"service_name"`

	// Detect lists what to detect about this machine. Defaults to host and os
	// with source "config" and to nothing with "auth", since data at a gateway
	// is from other machines.
	Detect []Detection `mapstructure:"detect"`

	// Severity defaults to "normalize".
	Severity SeverityMode `mapstructure:"severity"`

	// Registry is the extension that knows the tenants. With source "auth" it
	// defaults to tenant_registry; with "config" it is optional and adds the
	// tenant's attributes and status.
	Registry *component.ID `mapstructure:"registry"`

	// Limits configures how the tenants' limits in the registry are applied.
	Limits LimitsConfig `mapstructure:"limits"`

	// Metrics selects the metrics that the processor reports about itself.
	Metrics MetricsConfig `mapstructure:"metrics"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
	_ confmap.Validator = (*LimitsConfig)(nil)
)

var (
	errNoBusinessID   = errors.New(`"business_id" is required with "source: config"; is the environment variable that it comes from empty?`)
	errBusinessIDAuth = errors.New(`"business_id" must not be set with "source: auth": the tenant is that of the API key`)
	errNoLimits       = errors.New(`"limits::storage" requires "registry": limits are in the registry`)
	errNothingShared  = errors.New(`"limits::scope: shared" requires "registry": limits are in the registry`)
	errNoRedis        = errors.New(`"redis::endpoint" is required with "scope: shared"`)
	errRedisUnused    = errors.New(`"redis::endpoint" is used with "scope: shared" only`)
	errNoAttribute    = errors.New(`"attribute" must not be empty`)
)

// minDuration is larger than any number without a unit, which would count nanoseconds.
const minDuration = time.Millisecond

// Validate implements confmap.Validator.
func (c *Config) Validate() error {
	errs := []error{durations.Check(c)}
	switch c.Source {
	case SourceConfig:
		if c.BusinessID == "" {
			errs = append(errs, errNoBusinessID)
		} else if err := tenant.ID(c.BusinessID).Validate(); err != nil {
			errs = append(errs, fmt.Errorf(`"business_id": %w`, err))
		}
	case SourceAuth:
		if c.BusinessID != "" {
			errs = append(errs, errBusinessIDAuth)
		}
	default:
		errs = append(errs, fmt.Errorf(`"source" must be config or auth, got %q`, c.Source))
	}
	if c.Attribute == "" {
		errs = append(errs, errNoAttribute)
	} else if err := lookalike.Check(c.Attribute); err != nil {
		errs = append(errs, fmt.Errorf(`"attribute" %w, got %q`, err, c.Attribute))
	}
	for _, d := range c.Detect {
		if d != DetectHost && d != DetectOS && d != DetectProcess {
			errs = append(errs, fmt.Errorf(`"detect" must list only host, os and process, got %q`, d))
		}
	}
	if c.Severity != SeverityNormalize && c.Severity != SeverityKeep {
		errs = append(errs, fmt.Errorf(`"severity" must be normalize or keep, got %q`, c.Severity))
	}
	if _, ok := c.registryID(); !ok {
		if c.Limits.Storage != nil {
			errs = append(errs, errNoLimits)
		}
		if c.Limits.Scope == ScopeShared {
			errs = append(errs, errNothingShared)
		}
	}
	return errors.Join(errs...)
}

// Validate implements confmap.Validator.
func (c *LimitsConfig) Validate() error {
	var errs []error
	if c.Mode != LimitsEnforce && c.Mode != LimitsWarn {
		errs = append(errs, fmt.Errorf(`"mode" must be enforce or warn, got %q`, c.Mode))
	}
	switch c.Scope {
	case ScopeLocal:
		if c.Redis.Endpoint != "" {
			errs = append(errs, errRedisUnused)
		}
	case ScopeShared:
		errs = append(errs, c.Redis.validate())
	default:
		errs = append(errs, fmt.Errorf(`"scope" must be local or shared, got %q`, c.Scope))
	}
	if c.Gateways < 1 {
		errs = append(errs, fmt.Errorf(`"gateways" must be at least 1, got %d`, c.Gateways))
	}
	if c.Burst < minDuration {
		errs = append(errs, fmt.Errorf(`"burst" must be at least %s, got %s`, minDuration, c.Burst))
	}
	if !(c.WarnAt > 0 && c.WarnAt <= 1) { // not a number is neither
		errs = append(errs, fmt.Errorf(`"warn_at" must be above 0 and at most 1, got %v`, c.WarnAt))
	}
	return errors.Join(errs...)
}

// validate is not a confmap.Validator: with scope "local" the defaults are enough.
func (c *RedisConfig) validate() error {
	if c.Endpoint == "" {
		return errNoRedis
	}
	var errs []error
	_, port, err := net.SplitHostPort(c.Endpoint)
	n, portErr := strconv.ParseUint(port, 10, 16)
	isSocket := strings.HasPrefix(c.Endpoint, "/")
	if !isSocket && (err != nil || portErr != nil || n == 0) {
		shown := c.Endpoint
		if at := strings.LastIndexByte(shown, '@'); at >= 0 {
			shown = "…" + shown[at:] // a URL may have a password
		}
		errs = append(errs, fmt.Errorf(`"redis::endpoint" must be host:port or the path of a Unix socket, got %q`, shown))
	}
	if c.DB < 0 {
		errs = append(errs, fmt.Errorf(`"redis::db" must not be negative, got %d`, c.DB))
	}
	if c.Timeout < minDuration {
		errs = append(errs, fmt.Errorf(`"redis::timeout" must be at least %s, got %s`, minDuration, c.Timeout))
	}
	return errors.Join(errs...)
}

// groups returns what to detect.
func (c *Config) groups() stamp.Groups {
	if c.Detect == nil {
		agent := c.Source == SourceConfig
		return stamp.Groups{Host: agent, OS: agent}
	}
	return stamp.Groups{
		Host: slices.Contains(c.Detect, DetectHost), OS: slices.Contains(c.Detect, DetectOS), Process: slices.Contains(c.Detect, DetectProcess),
	}
}

// registryID returns the registry's ID, or false if there is none.
func (c *Config) registryID() (component.ID, bool) {
	if c.Registry != nil {
		return *c.Registry, true
	}
	return component.MustNewID("tenant_registry"), c.Source == SourceAuth
}
