// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

// Config is the end-user configuration of the extension. Everything has a default
// that works.
type Config struct {
	// Registry is the extension that knows the tenants. With it requests of suspended
	// tenants are rejected before their body is read, also those whose key was checked
	// before the change.
	Registry *component.ID `mapstructure:"registry"`

	// Memory bounds what requests in flight hold: bodies, and what they are decoded
	// to. Defaults to an eighth of the memory of the process, at least 32MiB and at
	// most 64MiB.
	Memory bytesize.Size `mapstructure:"memory"`

	// MaxRequests bounds the requests in flight. Defaults to 1024.
	MaxRequests int `mapstructure:"max_requests"`

	// Tenant bounds those of one tenant.
	Tenant TenantConfig `mapstructure:"tenant"`

	// MaxDepth is how deeply arrays and maps may be nested in a value. Defaults to 64.
	MaxDepth int `mapstructure:"max_depth"`

	// MaxElements is how many resources, records, attributes, values and the like a
	// request may have. Defaults to 1000000.
	MaxElements int `mapstructure:"max_elements"`

	// Upload is how slowly bodies may arrive.
	Upload UploadConfig `mapstructure:"upload"`

	// Connections bounds the connections of the receivers that use the guard.
	Connections ConnectionsConfig `mapstructure:"connections"`

	// Throttle is when tenants wait for each other.
	Throttle ThrottleConfig `mapstructure:"throttle"`

	// MemoryLimit sets the soft memory limit of the Go runtime: "auto", "off" or a size.
	// Defaults to "auto".
	MemoryLimit MemoryLimit `mapstructure:"memory_limit"`

	// HeapFloor is the size of the heap below which the Go runtime collects no garbage:
	// "auto", "off" or a size. Defaults to "auto".
	HeapFloor HeapFloor `mapstructure:"heap_floor"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// TenantConfig bounds the requests of one tenant, beside its share, which is as much
// as is free.
type TenantConfig struct {
	// Memory defaults to five eighths of that of all.
	Memory bytesize.Size `mapstructure:"memory"`

	// MaxRequests defaults to five eighths of those of all.
	MaxRequests int `mapstructure:"max_requests"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// UploadConfig is how slowly bodies may arrive.
type UploadConfig struct {
	// MinRate is how much of a body must arrive in a second, on average over Window.
	// Zero is no limit. Defaults to 4KiB.
	MinRate bytesize.Size `mapstructure:"min_rate"`

	// Window defaults to 10s.
	Window time.Duration `mapstructure:"window"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// ConnectionsConfig bounds connections.
type ConnectionsConfig struct {
	// Max bounds all. Defaults to three quarters of the files that the process may
	// open, at most one for each 128KiB of its memory, and at most 8192.
	Max int `mapstructure:"max"`

	// MaxPerSource bounds those of an IPv4 address or IPv6 /64, beside its share,
	// which is as many as are free. Zero, the default, is no other bound.
	MaxPerSource int `mapstructure:"max_per_source"`

	// Exempt are the networks whose addresses are not counted as sources, because
	// proxies speak for many callers. Defaults to loopback, link-local, private and
	// carrier-grade NAT networks.
	Exempt []string `mapstructure:"exempt"`

	// FirstRequestTimeout is how long a connection may take until its first request is
	// admitted, TLS handshake included. Defaults to 30s.
	FirstRequestTimeout time.Duration `mapstructure:"first_request_timeout"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// ThrottleConfig is when tenants wait for each other. A tenant that is alone never does.
type ThrottleConfig struct {
	// AboveCPUPercent is how much of the processors may be used before connections and
	// requests of tenants that use more than others are slowed down. Zero: they never
	// are. Defaults to all but two thirds of one processor, and at least 50.
	AboveCPUPercent int `mapstructure:"above_cpu_percent"`

	// LargeRequest is from which size on, decompressed, requests are decoded and passed on
	// in round-robin order of tenants, so that a processor remains for small ones.
	// Defaults to 256KiB.
	LargeRequest bytesize.Size `mapstructure:"large_request"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
	_ confmap.Validator = (*TenantConfig)(nil)
	_ confmap.Validator = (*UploadConfig)(nil)
	_ confmap.Validator = (*ConnectionsConfig)(nil)
	_ confmap.Validator = (*ThrottleConfig)(nil)
)

// minGuardMemory holds a request of usual size twice.
const minGuardMemory = 8 * bytesize.MiB

func createDefaultConfig() component.Config {
	return &Config{
		MaxRequests: guard.DefaultRequests, MaxDepth: guard.DefaultDepth, MaxElements: guard.DefaultElements,
		Upload:      UploadConfig{MinRate: guard.DefaultMinUploadRate, Window: guard.DefaultUploadGrace},
		Connections: ConnectionsConfig{FirstRequestTimeout: guard.DefaultFirstRequest},
		Throttle:    ThrottleConfig{AboveCPUPercent: guard.DefaultThrottleAbove(), LargeRequest: guard.DefaultLargeRequest},
		MemoryLimit: MemoryLimitAuto,
		HeapFloor:   HeapFloorAuto,
	}
}

// Validate implements confmap.Validator.
func (c *Config) Validate() error {
	errs := []error{durations.Check(c)}
	if c.Memory != 0 && c.Memory < minGuardMemory {
		errs = append(errs, fmt.Errorf(`"memory" must be at least %v, got %v`, minGuardMemory, c.Memory))
	}
	for _, key := range []struct {
		name  string
		value int
	}{{"max_requests", c.MaxRequests}, {"max_depth", c.MaxDepth}, {"max_elements", c.MaxElements}} {
		if key.value < 1 {
			errs = append(errs, fmt.Errorf("%q must be positive, got %d", key.name, key.value))
		}
	}
	if c.Memory != 0 && c.Tenant.Memory > c.Memory {
		errs = append(errs, fmt.Errorf(`"tenant::memory" must be at most "memory", got %v and %v`, c.Tenant.Memory, c.Memory))
	}
	if c.Tenant.MaxRequests > c.MaxRequests {
		errs = append(errs, fmt.Errorf(`"tenant::max_requests" must be at most "max_requests", got %d and %d`, c.Tenant.MaxRequests, c.MaxRequests))
	}
	errs = append(errs, c.MemoryLimit.check(), c.HeapFloor.check())
	limit, err1 := c.MemoryLimit.size()
	floor, err2 := c.HeapFloor.size()
	if err1 == nil && err2 == nil && limit != 0 && floor > limit/2 {
		errs = append(errs, fmt.Errorf(`"heap_floor" must be at most half of "memory_limit", got %v and %v`, floor, limit))
	}
	return errors.Join(errs...)
}

// Validate implements confmap.Validator.
func (c *TenantConfig) Validate() error {
	if c.MaxRequests < 0 {
		return fmt.Errorf(`"max_requests" must not be negative, got %d`, c.MaxRequests)
	}
	return nil
}

// Validate implements confmap.Validator.
func (c *UploadConfig) Validate() error {
	if c.Window < time.Second {
		return fmt.Errorf(`"window" must be at least 1s, got %v`, c.Window)
	}
	return nil
}

// Validate implements confmap.Validator.
func (c *ConnectionsConfig) Validate() error {
	var errs []error
	if c.Max < 0 {
		errs = append(errs, fmt.Errorf(`"max" must not be negative, got %d`, c.Max))
	}
	if c.MaxPerSource < 0 {
		errs = append(errs, fmt.Errorf(`"max_per_source" must not be negative, got %d`, c.MaxPerSource))
	}
	if c.FirstRequestTimeout < time.Second {
		errs = append(errs, fmt.Errorf(`"first_request_timeout" must be at least 1s, got %v`, c.FirstRequestTimeout))
	}
	_, err := c.exempt()
	return errors.Join(append(errs, err)...)
}

// leastLargeRequest keeps ordinary requests from waiting for each other.
const leastLargeRequest = 16 * bytesize.KiB

// Validate implements confmap.Validator.
func (c *ThrottleConfig) Validate() error {
	var errs []error
	if c.AboveCPUPercent < 0 || c.AboveCPUPercent > 100 {
		errs = append(errs, fmt.Errorf(`"above_cpu_percent" must be 0 to 100, got %d`, c.AboveCPUPercent))
	}
	if c.LargeRequest < leastLargeRequest {
		errs = append(errs, fmt.Errorf(`"large_request" must be at least %v, got %v`, leastLargeRequest, c.LargeRequest))
	}
	return errors.Join(errs...)
}

// exempt returns nil for the default.
func (c *ConnectionsConfig) exempt() ([]netip.Prefix, error) {
	if c.Exempt == nil {
		return nil, nil
	}
	var errs []error
	all := make([]netip.Prefix, 0, len(c.Exempt))
	for i, text := range c.Exempt {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			errs = append(errs, fmt.Errorf(`"exempt[%d]" is not a network such as 10.0.0.0/8: %q`, i, text))
			continue
		}
		all = append(all, p.Masked())
	}
	return all, errors.Join(errs...)
}

// settings returns those of the guard.
func (c *Config) settings() (guard.Settings, error) {
	exempt, err := c.Connections.exempt()
	if err != nil {
		return guard.Settings{}, err
	}
	s := guard.Settings{
		Memory: int64(c.Memory), Requests: int64(c.MaxRequests),
		TenantMemory: int64(c.Tenant.Memory), TenantRequests: int64(c.Tenant.MaxRequests),
		MaxDepth: c.MaxDepth, MaxElements: c.MaxElements,
		ThrottleAbove: c.Throttle.AboveCPUPercent, LargeRequest: int64(c.Throttle.LargeRequest),
		MinUploadRate: int64(c.Upload.MinRate), UploadGrace: c.Upload.Window,
		Connections: guard.ConnectionSettings{
			Max: c.Connections.Max, MaxPerSource: c.Connections.MaxPerSource, Exempt: exempt,
			FirstRequest: c.Connections.FirstRequestTimeout,
		},
	}
	if s.MinUploadRate == 0 {
		s.MinUploadRate = -1
	}
	if s.ThrottleAbove == 0 {
		s.ThrottleAbove = -1
	}
	return s, nil
}
