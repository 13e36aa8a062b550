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
	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Config is the end-user configuration of the exporter.
type Config struct {
	// Registry is the extension that knows the tenants. Without it, as on an agent, every
	// tenant that a resource names is one, and Routes are those of all.
	Registry component.ID `mapstructure:"registry"`

	// MaxTenants bounds how many tenants have data here at the same time without a
	// Registry.
	MaxTenants int `mapstructure:"max_tenants"`

	// Attribute is the resource attribute that holds the tenant ID. The tenant
	// processor stamps it.
	Attribute string `mapstructure:"attribute"`

	// Storage is the storage extension that keeps what was accepted across
	// restarts. Without it lanes are in memory only.
	Storage *component.ID `mapstructure:"storage"`

	// MigrateQueues are exporters that are not in use any more. What their sending queues
	// left in Storage is delivered before anything else, and removed.
	MigrateQueues []component.ID `mapstructure:"migrate_queues"`

	// Destinations are the backends that routes can name.
	Destinations map[string]DestinationConfig `mapstructure:"destinations"`

	// Routes are the destinations of tenants that the registry gives no route
	// for a signal, and of all tenants without a registry.
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

	Lane           LaneConfig           `mapstructure:"lane"`
	Retry          RetryConfig          `mapstructure:"retry"`
	CircuitBreaker CircuitBreakerConfig `mapstructure:"circuit_breaker"`

	// MaxTotalBytes bounds what all lanes hold, and what they take of the disk. One
	// tenant may hold as much as is still free, hence at most half of it. A request
	// costs more than its bytes: see the README.
	MaxTotalBytes bytesize.Size `mapstructure:"max_total_bytes"`

	// MaxMemoryBytes bounds how much of what is in storage is kept in memory
	// too, and what is known of the rest, which is read back when its turn comes. Of that
	// at least 16 MiB are allowed. Without storage it is not used.
	MaxMemoryBytes bytesize.Size `mapstructure:"max_memory_bytes"`

	// StorageReserve is how much of their disks storage, archives and dead letters leave
	// free, so that the gateway can write what it has to itself. What would need it is
	// refused, or waits. 0 is a twentieth of the disk, at most 64 MiB.
	StorageReserve bytesize.Size `mapstructure:"storage_reserve"`

	// DeadLetter keeps what a destination refuses for good. Without it that is
	// dropped and counted.
	DeadLetter configoptional.Optional[DeadLetterConfig] `mapstructure:"dead_letter"`

	// Delta says how delta metrics become cumulative ones, for destinations that need it.
	Delta DeltaConfig `mapstructure:"delta_to_cumulative"`

	// ShutdownTimeout bounds how long a shutdown, or a reload of the collector's
	// configuration, waits for destinations. Without storage it is the time in
	// which what is queued is tried once more; the rest is lost and counted.
	ShutdownTimeout time.Duration `mapstructure:"shutdown_timeout"`

	Metrics MetricsConfig `mapstructure:"metrics"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// ReferencesConfig says what ${file:…} and ${env:…} in the registry's variables
// may name.
type ReferencesConfig struct {
	// Directories are absolute paths of folders. Files in them and below may be
	// read. Links that lead out of them are not followed.
	Directories []string `mapstructure:"directories"`

	// EnvPrefixes are how the names of environment variables begin that may be
	// read.
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
	Logs    []string `mapstructure:"logs"`
	Metrics []string `mapstructure:"metrics"`
	Traces  []string `mapstructure:"traces"`

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
	// MaxBytes is how many encoded bytes may wait, 640 more for each request with
	// storage and 512 without. A request that does not fit
	// is refused with a delay after which to try again.
	MaxBytes bytesize.Size `mapstructure:"max_bytes"`

	// MaxAge is how long data may wait. What is older is dropped and counted.
	MaxAge time.Duration `mapstructure:"max_age"`

	Batch BatchConfig `mapstructure:"batch"`

	// Concurrency is how many batches may be in flight at the same time. Destinations
	// that take samples in order only get one whatever it says.
	Concurrency int `mapstructure:"concurrency"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// BatchConfig says how requests of one lane are merged.
type BatchConfig struct {
	// MaxBytes is how large a merged request may be. A request that is larger
	// by itself is sent as it is.
	MaxBytes bytesize.Size `mapstructure:"max_bytes"`

	// Timeout is how long a batch may wait to become full. 0 sends at once.
	Timeout time.Duration `mapstructure:"timeout"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// RetryConfig says how long a lane waits after a failure. The wait doubles with
// every failure in a row.
type RetryConfig struct {
	InitialInterval time.Duration `mapstructure:"initial_interval"`
	MaxInterval     time.Duration `mapstructure:"max_interval"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// CircuitBreakerConfig says when a lane is taken to have a dead destination.
type CircuitBreakerConfig struct {
	// Failures in a row open the breaker.
	Failures int `mapstructure:"failures"`

	// Open is the least time between two attempts while the breaker is open.
	Open time.Duration `mapstructure:"open"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// DeadLetterConfig says where dead letters go.
type DeadLetterConfig struct {
	Directory string `mapstructure:"directory"`

	// MaxBytes bounds the dead letters of one tenant, destination and signal.
	// The oldest file gives way to new ones.
	MaxBytes bytesize.Size `mapstructure:"max_bytes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// MetricsConfig says how fine the exporter's own metrics are.
type MetricsConfig struct {
	// Tenant adds the tenant as an attribute.
	Tenant bool `mapstructure:"tenant"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

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

// minDuration is above what a number without a unit is, which counts nanoseconds.
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
	add(c.Attribute == "", `"attribute" must not be empty`)
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

// checkWithoutRegistry returns why the destination d does not work without a registry: its
// settings have variables, or the profile's do.
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
