// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/backend"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/reach"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// DestinationConfig is one backend. Exactly one of Archive, OTLPHTTP and
// OTLPGRPC is set.
type DestinationConfig struct {
	// Profile names the kind of backend: its paths, tenant header, compression,
	// limits and answers. Defaults to otlp.
	Profile string `mapstructure:"profile"`

	// MaxBatchBytes replaces the profile's limit of the size of a request before compression.
	MaxBatchBytes bytesize.Size `mapstructure:"max_batch_bytes"`

	// DeltaToCumulative is whether delta metrics are converted to totals before they are sent. The
	// default depends on the profile: true for prometheus, mimir, cortex and victoriametrics.
	DeltaToCumulative *bool `mapstructure:"delta_to_cumulative"`

	// AllowPrivateEndpoints adds networks to those of the exporter, for this destination.
	AllowPrivateEndpoints []string `mapstructure:"allow_private_endpoints"`

	// Archive is files of OTLP JSON lines.
	Archive configoptional.Optional[ArchiveConfig] `mapstructure:"archive"`

	// OTLPHTTP is a backend that receives OTLP over HTTP.
	OTLPHTTP configoptional.Optional[OTLPHTTPConfig] `mapstructure:"otlp_http"`

	// OTLPGRPC is a backend that receives OTLP over gRPC.
	OTLPGRPC configoptional.Optional[OTLPGRPCConfig] `mapstructure:"otlp_grpc"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// ArchiveConfig is a destination of OTLP JSON lines in files.
type ArchiveConfig struct {
	// Directory is where the archive begins. Required.
	Directory string `mapstructure:"directory"`

	// Root is the directory that must contain Directory for every tenant. Required if Directory
	// begins with a variable.
	Root string `mapstructure:"root"`

	// MaxFileBytes is the size at which the next file is begun.
	MaxFileBytes bytesize.Size `mapstructure:"max_file_bytes"`

	// MaxOpenFiles bounds how many files are open at the same time.
	MaxOpenFiles int `mapstructure:"max_open_files"`

	// Compression is none or zstd.
	Compression backend.ArchiveCompression `mapstructure:"compression"`

	// Fsync makes delivered data survive a power failure. Without it the operating system decides
	// when to write.
	Fsync bool `mapstructure:"fsync"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// OTLPHTTPConfig is a destination that speaks OTLP over HTTP. It takes all
// settings of an HTTP client of the collector. In every string {tenant} and
// {vars.<name>} are filled in per tenant.
type OTLPHTTPConfig struct {
	ClientConfig confighttp.ClientConfig `mapstructure:",squash"`

	// LogsEndpoint is the URL for logs. Without it, the endpoint and the path of the profile
	// are used.
	LogsEndpoint string `mapstructure:"logs_endpoint"`

	// MetricsEndpoint is the URL for metrics. Without it, the endpoint and the path of the
	// profile are used.
	MetricsEndpoint string `mapstructure:"metrics_endpoint"`

	// TracesEndpoint is the URL for traces. Without it, the endpoint and the path of the profile
	// are used.
	TracesEndpoint string `mapstructure:"traces_endpoint"`

	// Encoding is proto or json.
	Encoding backend.Encoding `mapstructure:"encoding"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// GRPCClientConfig has the settings of a gRPC client of the collector but not
// its validation, which does not know templates.
type GRPCClientConfig configgrpc.ClientConfig

// OTLPGRPCConfig is a destination that speaks OTLP over gRPC. It takes all
// settings of a gRPC client of the collector. In every string {tenant} and
// {vars.<name>} are filled in per tenant.
type OTLPGRPCConfig struct {
	ClientConfig GRPCClientConfig `mapstructure:",squash"`

	// Timeout bounds one attempt.
	Timeout time.Duration `mapstructure:"timeout"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ confmap.Unmarshaler = (*DestinationConfig)(nil)

// With Go's defaults of 100 and 2, most batches would open a new connection if many tenants share
// a host or each has its own host.
const (
	idleConns        = 4096
	idleConnsPerHost = 64
)

// Unmarshal implements confmap.Unmarshaler. A map's values have no defaults of
// their own, so they are set here.
func (d *DestinationConfig) Unmarshal(conf *confmap.Conf) error {
	http := confighttp.NewDefaultClientConfig()
	http.Timeout = 10 * time.Second
	http.MaxIdleConns, http.MaxIdleConnsPerHost = idleConns, idleConnsPerHost
	d.OTLPHTTP = configoptional.Default(OTLPHTTPConfig{ClientConfig: http, Encoding: backend.EncodingProto})
	d.OTLPGRPC = configoptional.Default(OTLPGRPCConfig{
		ClientConfig: GRPCClientConfig(configgrpc.NewDefaultClientConfig()), Timeout: 10 * time.Second,
	})
	d.Archive = configoptional.Default(ArchiveConfig{MaxFileBytes: 128 * bytesize.MiB, MaxOpenFiles: 256, Compression: backend.ArchiveCompressionNone})
	return conf.Unmarshal(d)
}

// compile checks the destination and makes it ready for use with pool, which
// may be nil if it is only checked. c is the configuration of the exporter that it is
// part of. Errors name the key.
func (d *DestinationConfig) compile(name string, pool *backend.Pool, c *Config) (*backend.Destination, error) {
	fail := func(kind string, err error) error { return fmt.Errorf(`"destinations::%s%s": %w`, name, kind, err) }
	profile, err := backend.FindProfile(d.Profile)
	if err != nil {
		return nil, fail("::profile", err)
	}
	if d.MaxBatchBytes < 0 {
		return nil, fail("::max_batch_bytes", errors.New("must not be negative"))
	}
	if d.MaxBatchBytes > 0 {
		profile.MaxBatchBytes = int(d.MaxBatchBytes)
	}
	if d.DeltaToCumulative != nil {
		profile.Cumulative = *d.DeltaToCumulative
	}
	kinds := 0
	for _, has := range []bool{d.Archive.HasValue(), d.OTLPHTTP.HasValue(), d.OTLPGRPC.HasValue()} {
		if has {
			kinds++
		}
	}
	if kinds != 1 {
		return nil, fail("", errors.New("needs exactly one of archive, otlp_http and otlp_grpc"))
	}
	var out *backend.Destination
	kind := "::archive"
	switch {
	case d.Archive.HasValue():
		if d.DeltaToCumulative != nil {
			return nil, fail("::delta_to_cumulative", errors.New("is not for an archive, which keeps what was sent"))
		}
		a := d.Archive.Get()
		out, err = backend.NewArchive(name, backend.ArchiveSettings{
			Directory: a.Directory, Root: a.Root, MaxFileBytes: int64(a.MaxFileBytes), MaxOpenFiles: a.MaxOpenFiles, Compression: a.Compression, Fsync: a.Fsync,
			Reserve: int64(c.StorageReserve),
		}, pool)
	case d.OTLPHTTP.HasValue():
		kind = "::otlp_http"
		h := d.OTLPHTTP.Get()
		set := backend.HTTPSettings{Client: h.ClientConfig, Encoding: h.Encoding}
		set.Endpoints[tenant.Logs], set.Endpoints[tenant.Metrics], set.Endpoints[tenant.Traces] = h.LogsEndpoint, h.MetricsEndpoint, h.TracesEndpoint
		out, err = backend.NewHTTP(name, profile, set, pool)
	default:
		kind = "::otlp_grpc"
		g := d.OTLPGRPC.Get()
		out, err = backend.NewGRPC(name, profile, backend.GRPCSettings{Client: configgrpc.ClientConfig(g.ClientConfig), Timeout: g.Timeout}, pool)
	}
	if err != nil {
		return nil, fail(kind, err)
	}
	networks, err := reach.ParseAllow(append(slices.Clone(c.AllowPrivateEndpoints), d.AllowPrivateEndpoints...))
	if err != nil {
		return nil, fail("::allow_private_endpoints", err)
	}
	return out.Own(networks), nil
}
