// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package prometheusremotewritereceiver

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guardedhttp"
)

// builtInGuard is the value of `guard` for a guard of the receiver's own.
const builtInGuard = "built_in"

const defaultEndpoint = "localhost:19291"

// Config is the end-user configuration of the receiver.
type Config struct {
	// ServerConfig is the HTTP server. MaxRequestBodySize bounds bodies as they arrive,
	// compressed; it defaults to 20 MiB. CompressionAlgorithms may be snappy and zstd,
	// which are the default.
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`

	// Path is the URL path of remote write. Defaults to /api/v1/write.
	Path string `mapstructure:"path"`

	// MaxDecodedSize bounds bodies once they are decompressed. It also bounds the text of
	// their series, where each label counts once for each sample that has it, because
	// messages may refer to one text often. Defaults to 64 MiB.
	MaxDecodedSize bytesize.Size `mapstructure:"max_decoded_size"`

	// MaxFamiliesPerTenant bounds the metric families whose metadata is remembered of
	// each tenant. Defaults to 50000.
	MaxFamiliesPerTenant int `mapstructure:"max_families_per_tenant"`

	// MaxTargetsPerTenant bounds the targets whose target_info is remembered of each
	// tenant. Defaults to 10000.
	MaxTargetsPerTenant int `mapstructure:"max_targets_per_tenant"`

	// MaxRememberedBytes bounds what families and targets of all tenants together hold
	// in memory. Defaults to 64 MiB.
	MaxRememberedBytes bytesize.Size `mapstructure:"max_remembered_bytes"`

	// Guard is the ID of the extension that bounds what requests may use, shared with
	// other receivers. Defaults to request_guard. built_in gives the receiver a guard of
	// its own with default limits.
	Guard component.ID `mapstructure:"guard"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

// encodings returns the content encodings that remote writers use.
func encodings() []string { return []string{"snappy", "zstd"} }

// Validate implements confmap.Validator.
func (cfg *Config) Validate() error {
	var errs []error
	errs = append(errs, guardedhttp.CheckEndpoint(cfg.ServerConfig.NetAddr, defaultEndpoint))
	if !strings.HasPrefix(cfg.Path, "/") {
		errs = append(errs, fmt.Errorf(`"path" must begin with /, got %q`, cfg.Path))
	}
	for _, size := range []struct {
		key   string
		value int64
	}{
		{"max_decoded_size", int64(cfg.MaxDecodedSize)},
		{"max_families_per_tenant", int64(cfg.MaxFamiliesPerTenant)},
		{"max_targets_per_tenant", int64(cfg.MaxTargetsPerTenant)},
		{"max_remembered_bytes", int64(cfg.MaxRememberedBytes)},
	} {
		if size.value <= 0 {
			errs = append(errs, fmt.Errorf("%q must be positive, got %d", size.key, size.value))
		}
	}
	if cfg.ServerConfig.MaxRequestBodySize < 0 {
		errs = append(errs, fmt.Errorf(`"max_request_body_size" must not be negative, got %d`, cfg.ServerConfig.MaxRequestBodySize))
	}
	for _, name := range cfg.ServerConfig.CompressionAlgorithms {
		if !slices.Contains(encodings(), name) {
			errs = append(errs, fmt.Errorf(`"compression_algorithms" has %q: remote write uses snappy, and some senders zstd`, name))
		}
	}
	if cfg.ServerConfig.CompressionAlgorithms != nil && !slices.Contains(cfg.ServerConfig.CompressionAlgorithms, "snappy") {
		errs = append(errs, errors.New(`"compression_algorithms" must have snappy, which all senders use`))
	}
	if cfg.Guard.String() == "" {
		errs = append(errs, fmt.Errorf(`"guard" is empty: name an extension, such as request_guard, or set it to %s`, builtInGuard))
	}
	errs = append(errs, durations.Check(cfg))
	return errors.Join(errs...)
}
