// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lokipushreceiver

import (
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guardedhttp"
)

// builtInGuard is the value of `guard` with which the receiver has its own guard.
const builtInGuard = "built_in"

const defaultEndpoint = "localhost:3100"

// Config is the end-user configuration of the receiver.
type Config struct {
	// ServerConfig is the HTTP server. MaxRequestBodySize bounds bodies as they arrive,
	// compressed; it defaults to 20 MiB. CompressionAlgorithms may be snappy, gzip and
	// deflate, which are the default.
	ServerConfig confighttp.ServerConfig `mapstructure:",squash"`

	// MaxDecodedSize bounds bodies once they are decompressed. Defaults to 64 MiB.
	MaxDecodedSize bytesize.Size `mapstructure:"max_decoded_size"`

	// MaxLineSize is the size to which longer lines are cut. Defaults to 256 KiB, which is
	// the longest line that Loki accepts by default. 0 means no limit.
	MaxLineSize bytesize.Size `mapstructure:"max_line_size"`

	// Guard is the ID of the extension that bounds what requests may use, shared with
	// other receivers. Defaults to request_guard. built_in gives the receiver its own guard
	// with default limits.
	Guard component.ID `mapstructure:"guard"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

// encodings returns the content encodings that Loki's clients use.
func encodings() []string { return []string{"snappy", "gzip", "deflate"} }

// Validate implements confmap.Validator.
func (cfg *Config) Validate() error {
	var errs []error
	errs = append(errs, guardedhttp.CheckEndpoint(cfg.ServerConfig.NetAddr, defaultEndpoint))
	if cfg.MaxDecodedSize <= 0 {
		errs = append(errs, fmt.Errorf(`"max_decoded_size" must be positive, got %d`, int64(cfg.MaxDecodedSize)))
	}
	if cfg.MaxLineSize < 0 {
		errs = append(errs, fmt.Errorf(`"max_line_size" must not be negative, got %d`, int64(cfg.MaxLineSize)))
	}
	if cfg.ServerConfig.MaxRequestBodySize < 0 {
		errs = append(errs, fmt.Errorf(`"max_request_body_size" must not be negative, got %d`, cfg.ServerConfig.MaxRequestBodySize))
	}
	for _, name := range cfg.ServerConfig.CompressionAlgorithms {
		if name != "" && !slices.Contains(encodings(), name) {
			errs = append(errs, fmt.Errorf(`"compression_algorithms" has %q: Loki's clients use snappy, gzip and deflate`, name))
		}
	}
	if cfg.ServerConfig.CompressionAlgorithms != nil && !slices.Contains(cfg.ServerConfig.CompressionAlgorithms, "snappy") {
		errs = append(errs, errors.New(`"compression_algorithms" must have snappy, which all clients that send protobuf use`))
	}
	if cfg.Guard.String() == "" {
		errs = append(errs, fmt.Errorf(`"guard" is empty: name an extension, such as request_guard, or set it to %s`, builtInGuard))
	}
	errs = append(errs, durations.Check(cfg))
	return errors.Join(errs...)
}
