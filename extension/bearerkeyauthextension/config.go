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

// Config is the end-user configuration of the extension. What is set decides
// what the extension can be used for: Registry makes it an authenticator of
// receivers, Client one of exporters.
type Config struct {
	// Registry is the extension that knows the tenants' keys.
	Registry *component.ID `mapstructure:"registry"`

	// Client says what is added to outgoing requests.
	Client configoptional.Optional[ClientConfig] `mapstructure:"client"`

	// Failures says how requests without a valid key are dealt with.
	Failures FailuresConfig `mapstructure:"failures"`

	// Rejections says how refused requests of known keys are counted.
	Rejections RejectionsConfig `mapstructure:"rejections"`

	// TrustedProxies are the addresses and networks of proxies that are believed for
	// whom they speak. Empty, the default, is none.
	TrustedProxies []string `mapstructure:"trusted_proxies"`

	// ClientAddressHeader is the header that they are believed. Defaults to auto.
	ClientAddressHeader clientaddr.Header `mapstructure:"client_address_header"`

	// KeyUse says where to find when keys were used last.
	KeyUse KeyUseConfig `mapstructure:"key_use"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// FailuresConfig bounds what strangers can do.
type FailuresConfig struct {
	// PerMinute is how many refused requests a source may have in a minute before
	// it is throttled. A source is an IPv4 address or an IPv6 /64. Zero throttles
	// none. Defaults to 60.
	PerMinute int `mapstructure:"per_minute"`

	// Delay is how much later a throttled source gets its 401 over HTTP. Defaults
	// to 1s; at most 5s.
	Delay time.Duration `mapstructure:"delay"`

	// MaxSources is how many sources are remembered. Defaults to 4096.
	MaxSources int `mapstructure:"max_sources"`

	// Audit keeps the refused requests of each source and minute in an audit log
	// of this gateway.
	Audit FailureAuditConfig `mapstructure:"audit"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// FailureAuditConfig says where the audit log of refused requests is. No two
// gateways can write one.
type FailureAuditConfig struct {
	// Directory holds the log. It is made. Empty, the default, keeps no log.
	Directory string `mapstructure:"directory"`

	// KeyFile is the key with which the log is signed. It is made with the log.
	// Defaults to Directory with ".key" at its end.
	KeyFile string `mapstructure:"key_file"`

	// MaxBytes bounds the log, of which the oldest entries make room. At least
	// 1MiB. Defaults to 256MiB.
	MaxBytes bytesize.Size `mapstructure:"max_bytes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// RejectionsConfig says how refused requests of known keys are counted.
type RejectionsConfig struct {
	// TenantMetrics adds a series for each tenant, key and reason, at most 1000.
	// Defaults to false.
	TenantMetrics bool `mapstructure:"tenant_metrics"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// KeyUseConfig says where to find when keys were used last.
type KeyUseConfig struct {
	// File is written every minute with the minute of each key's last use, and
	// read at start. Optional.
	File string `mapstructure:"file"`

	// Metric adds a series for each key that was ever used. Defaults to false.
	Metric bool `mapstructure:"metric"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// maxFailureDelay stays below the time-outs of senders, which would send again.
const maxFailureDelay = 5 * time.Second

// minAuditBytes holds the entries of some minutes of a flood in each part.
const minAuditBytes = bytesize.MiB

// ClientConfig is the key that outgoing requests carry. Exactly one of Key and
// KeyFile must be set.
type ClientConfig struct {
	// Key is the bearer key itself.
	Key configopaque.String `mapstructure:"key"`

	// KeyFile is the path of a file that holds the key and nothing else. A
	// changed file is in force within a second.
	KeyFile string `mapstructure:"key_file"`

	// BusinessID is sent as the header x-business-id, so that the gateway
	// refuses data that would be sent with another tenant's key. Optional.
	BusinessID string `mapstructure:"business_id"`

	// Insecure lets the key leave this machine without TLS. Defaults to false:
	// without TLS only loopback addresses get the key.
	Insecure bool `mapstructure:"insecure"`

	// WhenRefused was what became of data that a gateway refused with 401 or 403. It has no
	// meaning any more and must not be set.
	WhenRefused string `mapstructure:"when_refused"`

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
	errNothingSet  = errors.New("set `registry` to authenticate callers, `client` to authenticate to others, or both")
	errNoKey       = errors.New("set one of `key` and `key_file`; is the environment variable that it comes from empty?")
	errTwoKeys     = errors.New("`key` and `key_file` exclude each other")
	errWhenRefused = errors.New("`when_refused` is not supported any more: an exporter that gets 401 or 403 does what it does for any server; " +
		"remove the key, and deliver through the tenant_routing exporter, which keeps refused data in its queue")
	errBadKey = errors.New("`key` is not an API key of the form obs_<key id>_<secret>, or a character of it is wrong")
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
		{"rejections::tenant_metrics", c.Rejections.TenantMetrics},
		{"trusted_proxies", len(c.TrustedProxies) > 0},
	} {
		if server.set {
			errs = append(errs, fmt.Errorf("`%s` needs a `registry`: without one no callers are authenticated", server.key))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) validateProxies() error {
	var errs []error
	if _, err := clientaddr.ParseTrusted(c.TrustedProxies); err != nil {
		errs = append(errs, fmt.Errorf("`trusted_proxies`: %w", err))
	}
	if err := c.ClientAddressHeader.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("`client_address_header` %w", err))
	}
	return errors.Join(errs...)
}

// Validate implements confmap.Validator.
func (c *FailuresConfig) Validate() error {
	var errs []error
	if c.PerMinute < 0 {
		errs = append(errs, fmt.Errorf("`per_minute` must not be negative, got %d", c.PerMinute))
	}
	if c.Delay < 0 || c.Delay > maxFailureDelay {
		errs = append(errs, fmt.Errorf("`delay` must be from 0 to %s, got %s", maxFailureDelay, c.Delay))
	}
	if c.MaxSources < 1 {
		errs = append(errs, fmt.Errorf("`max_sources` must be positive, got %d", c.MaxSources))
	}
	return errors.Join(errs...)
}

// Validate implements confmap.Validator.
func (c *FailureAuditConfig) Validate() error {
	switch {
	case c.Directory == "" && c.KeyFile != "":
		return errors.New("`key_file` needs a `directory`")
	case c.Directory != "" && c.MaxBytes < minAuditBytes:
		return fmt.Errorf("`max_bytes` must be at least %v, got %v", minAuditBytes, c.MaxBytes)
	}
	return nil
}

// Validate implements confmap.Validator. No error quotes the key.
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
			errs = append(errs, fmt.Errorf("`business_id` is not a tenant ID: %w", err))
		}
	}
	if c.WhenRefused != "" {
		errs = append(errs, errWhenRefused)
	}
	return errors.Join(errs...)
}
