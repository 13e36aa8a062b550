// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/backend"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/metadata"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/reach"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/store"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
	"github.com/otelcol-tenant/otelcol-tenant/internal/lookalike"
	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Config is the end-user configuration of the exporter.
type Config struct {
	// Registry is the extension that has the tenants. Without it, as on an agent, every
	// tenant that a resource names exists, and Routes applies to all of them.
	Registry component.ID `mapstructure:"registry"`

	// MaxTenants bounds how many tenants have data here at the same time without a
	// Registry.
	MaxTenants int `mapstructure:"max_tenants"`

	// Attribute is the resource attribute that holds the tenant ID. The tenant
	// processor stamps it.
	Attribute string `mapstructure:"attribute"`

	// Storage is the storage extension that keeps accepted data across restarts. Without it, lanes are
	// in memory only.
	Storage *component.ID `mapstructure:"storage"`

	// MigrateQueues are exporters that are no longer in use. The requests that their sending queues
	// have in Storage are delivered first, and removed.
	MigrateQueues []component.ID `mapstructure:"migrate_queues"`

	// Destinations are the backends that routes can name.
	Destinations map[string]DestinationConfig `mapstructure:"destinations"`

	// Routes are the destinations of tenants without their own route for a signal, and of all
	// tenants if there is no registry.
	Routes RoutesConfig `mapstructure:"routes"`

	// References are the files and environment variables that the registry's
	// variables may refer to.
	References ReferencesConfig `mapstructure:"references"`

	// AllowPrivateEndpoints are the networks, or single addresses, that
	// destinations may connect to although they are loopback, link-local, private
	// or otherwise not of the internet, and tenants' variables choose the host.
	// Destinations can have more of their own. Hosts that are fixed in this
	// configuration need no entry.
	AllowPrivateEndpoints []string `mapstructure:"allow_private_endpoints"`

	// Lane bounds the queue of one tenant, destination and signal.
	Lane LaneConfig `mapstructure:"lane"`

	// Retry configures how long a lane waits after a failure.
	Retry RetryConfig `mapstructure:"retry"`

	// CircuitBreaker configures when a lane stops sending to a destination that fails.
	CircuitBreaker CircuitBreakerConfig `mapstructure:"circuit_breaker"`

	// MaxTotalBytes bounds what all lanes hold, and what they use of the disk. One tenant may hold as
	// much as is still free, hence at most half of it. A request counts more than its bytes: see the
	// README.
	MaxTotalBytes bytesize.Size `mapstructure:"max_total_bytes"`

	// MaxMemoryBytes bounds how much of the stored data is kept in memory too, together with the index of
	// all stored data. The rest is read back when it is sent. The index may use at least 16 MiB. Without storage it is not
	// used.
	MaxMemoryBytes bytesize.Size `mapstructure:"max_memory_bytes"`

	// StorageReserve is how much of their disks storage, archives and dead letters leave free, so that
	// the gateway can write its own files. Data that would need the reserve is rejected, or waits. 0
	// means a twentieth of the disk, at most 64 MiB.
	StorageReserve bytesize.Size `mapstructure:"storage_reserve"`

	// DeadLetter keeps data that a destination rejects permanently. Without it, such data is dropped
	// and counted.
	DeadLetter configoptional.Optional[DeadLetterConfig] `mapstructure:"dead_letter"`

	// Delta configures the conversion of delta metrics to cumulative ones, for destinations that need it.
	Delta DeltaConfig `mapstructure:"delta_to_cumulative"`

	// ShutdownTimeout bounds how long a shutdown, or a reload of the collector's configuration,
	// waits for destinations. Without storage, queued data is tried once more in that time;
	// the rest is dropped and counted.
	ShutdownTimeout time.Duration `mapstructure:"shutdown_timeout"`

	// Metrics configures the exporter's own metrics.
	Metrics MetricsConfig `mapstructure:"metrics"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

// ReferencesConfig limits what ${file:…} and ${env:…} in the registry's variables may refer to.
type ReferencesConfig struct {
	// Directories are absolute paths. Files in these directories and below may be read. Links
	// that lead out of them are not followed.
	Directories []string `mapstructure:"directories"`

	// EnvPrefixes are the prefixes of environment variables that may be read.
	EnvPrefixes []string `mapstructure:"env_prefixes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func (c *ReferencesConfig) policy() *reference.Policy {
	return &reference.Policy{Directories: c.Directories, EnvPrefixes: c.EnvPrefixes}
}

func (c *ReferencesConfig) validate() (errs []error) {
	for _, dir := range c.Directories {
		if !filepath.IsAbs(dir) || filepath.Clean(dir) == "/" {
			errs = append(errs, fmt.Errorf(`"references::directories" must be absolute paths below "/", got %q`, dir))
		}
	}
	for _, prefix := range c.EnvPrefixes {
		if prefix == "" {
			errs = append(errs, errors.New(`"references::env_prefixes" must not have an empty prefix: it would allow every variable`))
		}
	}
	return errs
}

// RoutesConfig names destinations per signal.
type RoutesConfig struct {
	// Logs are the destinations of logs.
	Logs []string `mapstructure:"logs"`

	// Metrics are the destinations of metrics.
	Metrics []string `mapstructure:"metrics"`

	// Traces are the destinations of traces.
	Traces []string `mapstructure:"traces"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Of returns the destinations of a signal.
func (r *RoutesConfig) Of(s tenant.Signal) []string {
	switch s {
	case tenant.Logs:
		return r.Logs
	case tenant.Metrics:
		return r.Metrics
	}
	return r.Traces
}

// LaneConfig bounds the queue of one tenant, destination and signal.
type LaneConfig struct {
	// MaxBytes is how many encoded bytes may be queued. Each request counts 640 bytes more with storage,
	// and 512 without. A request that does not fit is rejected with a retry delay.
	MaxBytes bytesize.Size `mapstructure:"max_bytes"`

	// MaxAge is how long data may be queued. Older data is dropped and counted.
	MaxAge time.Duration `mapstructure:"max_age"`

	// Batch configures how requests are merged before they are sent.
	Batch BatchConfig `mapstructure:"batch"`

	// Concurrency is how many batches may be in flight at the same time. For destinations that accept
	// samples in order only, it is 1 whatever the value.
	Concurrency int `mapstructure:"concurrency"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// BatchConfig configures how requests of one lane are merged.
type BatchConfig struct {
	// MaxBytes bounds the size of a merged request. A single larger request is sent as it is.
	MaxBytes bytesize.Size `mapstructure:"max_bytes"`

	// Timeout is how long a batch may wait to become full. 0 means not at all.
	Timeout time.Duration `mapstructure:"timeout"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// RetryConfig configures how long a lane waits after a failure. The wait doubles with every failure in a row.
type RetryConfig struct {
	// InitialInterval is the wait after the first failure. At least 1ms.
	InitialInterval time.Duration `mapstructure:"initial_interval"`

	// MaxInterval is the longest wait.
	MaxInterval time.Duration `mapstructure:"max_interval"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// CircuitBreakerConfig configures the circuit breaker of a lane.
type CircuitBreakerConfig struct {
	// Failures is the number of failures in a row that open the breaker.
	Failures int `mapstructure:"failures"`

	// Open is the least time until the breaker is half-open, and a probe is sent.
	Open time.Duration `mapstructure:"open"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// DeadLetterConfig configures dead letters.
type DeadLetterConfig struct {
	// Directory contains the dead letters. Required.
	Directory string `mapstructure:"directory"`

	// MaxBytes bounds the dead letters of one tenant, destination and signal. The oldest file is removed
	// for new ones.
	MaxBytes bytesize.Size `mapstructure:"max_bytes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// DeltaConfig configures how delta metrics become cumulative ones.
type DeltaConfig struct {
	// GatewayAttribute is an attribute that each converted data point gets, whose value is
	// GatewayID. Several gateways that get parts of the same delta time series each make
	// totals of what they get; without an attribute that distinguishes them a backend would
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

// MetricsConfig configures the exporter's own metrics.
type MetricsConfig struct {
	// Tenant adds the attribute "tenant" to metrics of lanes.
	Tenant bool `mapstructure:"tenant"`

	// prevent unkeyed literal initialization
	_ struct{}
}

const (
	defaultConcurrency = 2
	defaultMaxTenants  = 100
)

func createDefaultConfig() component.Config {
	return &Config{
		Attribute:  tenant.AttributeKey,
		MaxTenants: defaultMaxTenants,
		References: ReferencesConfig{
			Directories: []string{reference.DefaultDirectory}, EnvPrefixes: []string{reference.DefaultEnvPrefix},
		},
		Lane: LaneConfig{
			MaxBytes:    64 * bytesize.MiB,
			MaxAge:      24 * time.Hour,
			Batch:       BatchConfig{MaxBytes: bytesize.MiB, Timeout: 100 * time.Millisecond},
			Concurrency: defaultConcurrency,
		},
		Retry:           RetryConfig{InitialInterval: time.Second, MaxInterval: 30 * time.Second},
		CircuitBreaker:  CircuitBreakerConfig{Failures: 5, Open: 10 * time.Second},
		MaxTotalBytes:   2 * bytesize.GiB,
		MaxMemoryBytes:  128 * bytesize.MiB,
		Delta:           defaultDelta(),
		ShutdownTimeout: 10 * time.Second,
		DeadLetter:      configoptional.Default(DeadLetterConfig{MaxBytes: 64 * bytesize.MiB}),
	}
}

// minDuration detects durations without a unit, which count nanoseconds.
const minDuration = time.Millisecond

// Validate implements confmap.Validator.
func (c *Config) Validate() error {
	errs := []error{durations.Check(c)}
	add := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	atLeast := func(key string, d time.Duration) {
		add(d < minDuration, `%q must be at least %v, got %v`, key, minDuration, d)
	}
	add(!c.hasRegistry() && len(c.Routes.Logs)+len(c.Routes.Metrics)+len(c.Routes.Traces) == 0,
		`"registry" must name the tenant_registry extension, or "routes" the destinations of all tenants`)
	add(len(c.MigrateQueues) > 0 && c.Storage == nil, `"migrate_queues" needs "storage": the extension that the queues are in`)
	for _, id := range c.MigrateQueues {
		add(id.Type() == metadata.Type, `"migrate_queues" names %q, which has no sending queue`, id)
	}
	add(c.MaxTenants <= 0, `"max_tenants" must be positive`)
	if c.Attribute == "" {
		add(true, `"attribute" must not be empty`)
	} else if err := lookalike.Check(c.Attribute); err != nil {
		add(true, `"attribute" %w, got %q`, err, c.Attribute)
	}
	add(c.Lane.MaxBytes <= 0, `"lane::max_bytes" must be positive`)
	add(c.Lane.MaxBytes > 0 && c.Lane.MaxBytes <= store.EntryDisk, `"lane::max_bytes" must be more than %d, which a request costs beside its bytes`, store.EntryDisk)
	atLeast("lane::max_age", c.Lane.MaxAge)
	add(c.Lane.Batch.MaxBytes <= 0, `"lane::batch::max_bytes" must be positive`)
	add(c.Lane.Batch.MaxBytes > c.Lane.MaxBytes, `"lane::batch::max_bytes" must not be more than "lane::max_bytes"`)
	if c.Lane.Batch.Timeout != 0 {
		atLeast("lane::batch::timeout", c.Lane.Batch.Timeout)
	}
	add(c.Lane.Concurrency <= 0, `"lane::concurrency" must be positive`)
	atLeast("retry::initial_interval", c.Retry.InitialInterval)
	add(c.Retry.MaxInterval < c.Retry.InitialInterval, `"retry::max_interval" must not be less than "retry::initial_interval"`)
	add(c.CircuitBreaker.Failures <= 0, `"circuit_breaker::failures" must be positive`)
	atLeast("circuit_breaker::open", c.CircuitBreaker.Open)
	add(c.MaxTotalBytes < c.Lane.MaxBytes, `"max_total_bytes" must not be less than "lane::max_bytes"`)
	atLeast("shutdown_timeout", c.ShutdownTimeout)
	add(c.MaxMemoryBytes < 0, `"max_memory_bytes" must not be negative`)
	add(c.StorageReserve < 0, `"storage_reserve" must not be negative`)
	if c.DeadLetter.HasValue() {
		add(c.DeadLetter.Get().Directory == "", `"dead_letter::directory" must be set`)
		add(c.DeadLetter.Get().MaxBytes <= 0, `"dead_letter::max_bytes" must be positive`)
	}
	for _, signal := range tenant.AllSignals() {
		for _, name := range c.Routes.Of(signal) {
			_, ok := c.Destinations[name]
			add(!ok, `"routes::%s" names %q, which is not under "destinations"`, signal, name)
		}
	}
	errs = append(errs, c.References.validate()...)
	errs = append(errs, c.Delta.validate()...)
	if _, err := reach.ParseAllow(c.AllowPrivateEndpoints); err != nil {
		errs = append(errs, fmt.Errorf(`"allow_private_endpoints": %w`, err))
	}
	add(len(c.Destinations) == 0, `"destinations" must name at least one destination`)
	directories := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(c.Destinations)) {
		d := c.Destinations[name]
		if tenant.ID(name).Validate() != nil { // it becomes a path element of dead letters
			errs = append(errs, fmt.Errorf(`"destinations" has the name %q; allowed are letters, digits and !_.*'()-`, name))
			continue
		}
		compiled, err := d.compile(name, nil, c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, c.checkWithoutRegistry(name, compiled))
		if d.Archive.HasValue() {
			dir := filepath.Clean(d.Archive.Get().Directory)
			other, taken := directories[dir]
			add(taken, `"destinations::%s::archive::directory" is also that of %q`, name, other)
			directories[dir] = name
		}
	}
	return errors.Join(errs...)
}

func (c *Config) hasRegistry() bool { return c.Registry.Type().String() != "" }

// checkWithoutRegistry returns an error if the destination d needs a registry, because its settings or
// those of its profile have variables.
func (c *Config) checkWithoutRegistry(name string, d *backend.Destination) error {
	if c.hasRegistry() {
		return nil
	}
	for _, signal := range tenant.AllSignals() {
		if !slices.Contains(c.Routes.Of(signal), name) {
			continue
		}
		if err := d.Check(int(signal), template.Values{Tenant: "tenant"}); err != nil {
			return fmt.Errorf(`"destinations::%s" cannot be used without a "registry": %w`, name, err)
		}
	}
	return nil
}
