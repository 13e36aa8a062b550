// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/clientaddr"
	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Config is the end-user configuration of the extension. With Registry it is an
// authenticator for receivers, with Client one for exporters.
type Config struct {
	// Registry is the ID of the extension that provides the keys of the tenants.
	Registry *component.ID `mapstructure:"registry"`

	// Client configures the credentials of outgoing requests.
	Client configoptional.Optional[ClientConfig] `mapstructure:"client"`

	// Failures configures the handling of requests without a valid key.
	Failures FailuresConfig `mapstructure:"failures"`

	// Metrics configures the metrics of the extension.
	Metrics MetricsConfig `mapstructure:"metrics"`

	// Rejections contains the previous name of Metrics.
	Rejections RejectionsConfig `mapstructure:"rejections"`

	// TrustedProxies are the addresses and networks of proxies whose headers determine
	// the address of the client. Defaults to none.
	TrustedProxies []string `mapstructure:"trusted_proxies"`

	// ClientAddressHeader is the header with the address of the client. Defaults to auto.
	ClientAddressHeader clientaddr.Header `mapstructure:"client_address_header"`

	// KeyUse configures where the last use of keys is recorded.
	KeyUse KeyUseConfig `mapstructure:"key_use"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// FailuresConfig configures the handling of requests without a valid key.
type FailuresConfig struct {
	// PerMinute is the number of rejected requests per minute above which a source is
	// throttled. A source is an IPv4 address or an IPv6 /64. Zero disables throttling.
	// Defaults to 60.
	PerMinute int `mapstructure:"per_minute"`

	// Delay is the delay of a 401 to a throttled source over HTTP. Defaults to 1s; at
	// most 5s.
	Delay time.Duration `mapstructure:"delay"`

	// MaxSources is the maximum number of sources that are tracked. Defaults to 4096.
	MaxSources int `mapstructure:"max_sources"`

	// Audit configures the audit log of rejected requests by source and minute.
	Audit FailureAuditConfig `mapstructure:"audit"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// FailureAuditConfig configures the audit log of rejected requests. Each gateway needs
// its own log.
type FailureAuditConfig struct {
	// Directory contains the log. It is created if it does not exist. Without it there
	// is no log.
	Directory string `mapstructure:"directory"`

	// KeyFile is the path of the key that signs the log. It is created with the log.
	// Defaults to Directory with the suffix ".key".
	KeyFile string `mapstructure:"key_file"`

	// MaxBytes limits the size of the log. The oldest entries are pruned. At least
	// 1MiB. Defaults to 256MiB.
	MaxBytes bytesize.Size `mapstructure:"max_bytes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// MetricsConfig configures the metrics of the extension.
type MetricsConfig struct {
	// Tenant adds the tenant and the key to the metric of rejected requests, at most
	// 1000 series. Defaults to false.
	Tenant bool `mapstructure:"tenant"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// RejectionsConfig contains the previous name of a setting.
type RejectionsConfig struct {
	// TenantMetrics is the previous name of MetricsConfig.Tenant.
	//
	// Deprecated: use MetricsConfig.Tenant.
	TenantMetrics bool `mapstructure:"tenant_metrics"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// KeyUseConfig configures where the last use of keys is recorded.
type KeyUseConfig struct {
	// File contains the minute of the last use of each key. It is written every minute
	// and read at the start. Optional.
	File string `mapstructure:"file"`

	// Metric adds a metric with a series for each key that was ever used. Defaults to
	// false.
	Metric bool `mapstructure:"metric"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// maxFailureDelay is below the timeouts of clients, which would retry.
const maxFailureDelay = 5 * time.Second

// minAuditBytes lets each segment contain the entries of a few minutes of a flood.
const minAuditBytes = bytesize.MiB

// ClientConfig configures the credentials of outgoing requests. Exactly one of Key and
// KeyFile must be set.
type ClientConfig struct {
	// Key is the API key itself.
	Key configopaque.String `mapstructure:"key"`

	// KeyFile is the path of a file that contains only the key. A changed file is in
	// use within a second.
	KeyFile string `mapstructure:"key_file"`

	// BusinessID is sent in the header x-business-id, so that the gateway rejects
	// requests with the key of another tenant. Optional.
	BusinessID string `mapstructure:"business_id"`

	// Insecure permits sending the key without TLS to addresses other than loopback.
	// Defaults to false.
	Insecure bool `mapstructure:"insecure"`

	// WhenRejected is no longer supported and must not be set.
	WhenRejected string `mapstructure:"when_refused"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
	_ confmap.Validator = (*ClientConfig)(nil)
	_ confmap.Validator = (*FailuresConfig)(nil)
	_ confmap.Validator = (*FailureAuditConfig)(nil)
)

var (
	errNothingSet   = errors.New(`set "registry" to authenticate incoming requests, "client" to authenticate outgoing requests, or both`)
	errNoKey        = errors.New(`set one of "key" and "key_file"; check that the environment variable of the key is not empty`)
	errTwoKeys      = errors.New(`"key" and "key_file" exclude each other`)
	errWhenRejected = errors.New(`"when_refused" is no longer supported: remove it, and deliver through the tenant_routing exporter, which keeps rejected data in its queue`)
	errBadKey       = errors.New(`"key" is not an API key of the form obs_<key id>_<secret>, or one of its characters is wrong`)
)

// Validate implements confmap.Validator.
func (c *Config) Validate() error {
	if err := durations.Check(c); err != nil {
		return err
	}
	if c.Registry != nil {
		return c.validateProxies()
	}
	if !c.Client.HasValue() {
		return errNothingSet
	}
	var errs []error
	for _, server := range []struct {
		key string
		set bool
	}{
		{"failures::audit::directory", c.Failures.Audit.Directory != ""},
		{"key_use::file", c.KeyUse.File != ""},
		{"key_use::metric", c.KeyUse.Metric},
		{"metrics::tenant", c.Metrics.Tenant},
		{"rejections::tenant_metrics", c.Rejections.TenantMetrics},
		{"trusted_proxies", len(c.TrustedProxies) > 0},
	} {
		if server.set {
			errs = append(errs, fmt.Errorf(`%q requires "registry", without which no incoming requests are authenticated`, server.key))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) validateProxies() error {
	var errs []error
	if _, err := clientaddr.ParseTrusted(c.TrustedProxies); err != nil {
		errs = append(errs, fmt.Errorf(`"trusted_proxies": %w`, err))
	}
	if err := c.ClientAddressHeader.Validate(); err != nil {
		errs = append(errs, fmt.Errorf(`"client_address_header" %w`, err))
	}
	return errors.Join(errs...)
}

// Validate implements confmap.Validator.
func (c *FailuresConfig) Validate() error {
	var errs []error
	if c.PerMinute < 0 {
		errs = append(errs, fmt.Errorf(`"per_minute" must not be negative, got %d`, c.PerMinute))
	}
	if c.Delay < 0 || c.Delay > maxFailureDelay {
		errs = append(errs, fmt.Errorf(`"delay" must be from 0 to %s, got %s`, maxFailureDelay, c.Delay))
	}
	if c.MaxSources < 1 {
		errs = append(errs, fmt.Errorf(`"max_sources" must be positive, got %d`, c.MaxSources))
	}
	return errors.Join(errs...)
}

// Validate implements confmap.Validator.
func (c *FailureAuditConfig) Validate() error {
	switch {
	case c.Directory == "" && c.KeyFile != "":
		return errors.New(`"key_file" requires "directory"`)
	case c.Directory != "" && c.MaxBytes < minAuditBytes:
		return fmt.Errorf(`"max_bytes" must be at least %v, got %v`, minAuditBytes, c.MaxBytes)
	}
	return nil
}

// Validate implements confmap.Validator. Its errors do not contain the key.
func (c *ClientConfig) Validate() error {
	var errs []error
	switch {
	case c.Key == "" && c.KeyFile == "":
		errs = append(errs, errNoKey)
	case c.Key != "" && c.KeyFile != "":
		errs = append(errs, errTwoKeys)
	case c.Key != "":
		if _, err := apikey.ID(string(c.Key)); err != nil {
			errs = append(errs, errBadKey)
		}
	}
	if c.BusinessID != "" {
		if err := tenant.ID(c.BusinessID).Validate(); err != nil {
			errs = append(errs, fmt.Errorf(`"business_id" is not a tenant ID: %w`, err))
		}
	}
	if c.WhenRejected != "" {
		errs = append(errs, errWhenRejected)
	}
	return errors.Join(errs...)
}
