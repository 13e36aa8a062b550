// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/reach"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/template"
	"github.com/otelcol-tenant/otelcol-tenant/internal/redact"
	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Encoding is the encoding of requests over HTTP.
type Encoding string

// The encodings of OTLP over HTTP.
const (
	EncodingProto Encoding = "proto"
	EncodingJSON  Encoding = "json"
)

// HTTPSettings describe a destination for OTLP over HTTP. Strings may contain templates.
type HTTPSettings struct {
	Client    confighttp.ClientConfig
	Endpoints [3]string // by signal; empty: Client.Endpoint and the path of the profile
	Encoding  Encoding
}

// GRPCSettings describe a destination for OTLP over gRPC. Strings may contain templates.
type GRPCSettings struct {
	Client  configgrpc.ClientConfig
	Timeout time.Duration // of one attempt
}

// ArchiveCompression is the compression of the files of an archive.
type ArchiveCompression string

// The compressions of archives.
const (
	ArchiveCompressionNone ArchiveCompression = "none"
	ArchiveCompressionZstd ArchiveCompression = "zstd"
)

// ArchiveSettings describe a destination that is an archive of files. Directory may contain templates.
type ArchiveSettings struct {
	Directory    string
	Root         string // contains Directory, whatever variables are; empty: no limit
	MaxFileBytes int64
	MaxOpenFiles int
	Compression  ArchiveCompression
	Fsync        bool
	Reserve      int64 // how much of the disk stays free; 0: the default of diskspace
}

// Destination is a compiled destination.
type Destination struct {
	name    string
	profile Profile
	pool    *Pool

	http    *HTTPSettings
	grpc    *GRPCSettings
	archive *ArchiveSettings

	confined    *confinement   // of an archive; nil: none
	codec       compress.Codec // nil: the client compresses, or requests are not compressed
	precompress bool           // payloads are queued as codec compresses them, because they are sent like that

	endpoint  *template.Template    // base URL, gRPC target or directory
	endpoints [3]*template.Template // per signal; nil: from the base
	headers   []header
	host      *template.Template // of the Host header; nil: that of the URL
	others    []other            // templates in all other strings of the client settings

	guard *reach.Guard // of connections to hosts that tenants choose; nil: they choose none
}

type header struct {
	name  string
	value *template.Template
}

// other is a string inside of the client settings that holds a template.
type other struct {
	index []int
	key   string
	value *template.Template
}

// NewHTTP compiles a destination. The error names the setting.
func NewHTTP(name string, p Profile, set HTTPSettings, pool *Pool) (*Destination, error) {
	d := &Destination{name: name, profile: p, pool: pool, http: &set}
	if set.Client.Compression == "" {
		set.Client.Compression = p.Compression
	}
	var errs []error
	if err := p.CheckCompression(set.Client.Compression); err != nil {
		errs = append(errs, fmt.Errorf("compression: %w", err))
	}
	var err error
	if d.codec, err = newCodec(set.Client.Compression, set.Client.CompressionParams.Level); err != nil {
		errs = append(errs, fmt.Errorf("compression_params: %w", err))
	}
	if set.Encoding != EncodingProto && set.Encoding != EncodingJSON {
		errs = append(errs, errors.New("encoding: must be proto or json"))
	}
	if set.Client.Timeout < 0 {
		errs = append(errs, errors.New("timeout: must not be negative"))
	}
	if p.ProtobufOnly && set.Encoding == EncodingJSON {
		errs = append(errs, fmt.Errorf("encoding: %s takes protobuf only", p.Name))
	}
	errs = append(errs, d.compileHeaders(p, set.Client.Headers))
	d.precompress = d.codec != nil && set.Encoding == EncodingProto && !d.encodes()
	hasEndpoint := false
	if set.Client.Endpoint != "" {
		hasEndpoint = true
		if d.endpoint, err = template.Compile(template.URL, set.Client.Endpoint); err != nil {
			errs = append(errs, fmt.Errorf("endpoint: %w", err))
		}
	}
	for signal, text := range set.Endpoints {
		if text == "" {
			continue
		}
		hasEndpoint = true
		t, err := template.Compile(template.URL, text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s_endpoint: %w", signalName(signal), err))
		}
		d.endpoints[signal] = t
	}
	if !hasEndpoint {
		errs = append(errs, errors.New(`needs "endpoint" or an endpoint per signal; if it is set from an environment variable, that is empty`))
	}
	errs = append(errs, d.compileOthers(reflect.ValueOf(set.Client)))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return d, nil
}

// NewGRPC compiles a destination. The error names the setting.
func NewGRPC(name string, p Profile, set GRPCSettings, pool *Pool) (*Destination, error) {
	d := &Destination{name: name, profile: p, pool: pool, grpc: &set}
	var errs []error
	if p.NoGRPC != "" {
		errs = append(errs, fmt.Errorf("profile %s must not be used over gRPC: %s", p.Name, p.NoGRPC))
	}
	if set.Client.Compression == "" {
		set.Client.Compression = p.Compression
	}
	errs = append(errs, d.compileHeaders(p, set.Client.Headers))
	t, err := template.Compile(template.HostPort, set.Client.Endpoint)
	if set.Client.Endpoint == "" {
		err = errors.New("must be set")
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("endpoint: %w", err))
	} else {
		check := set.Client
		if t.Dynamic() {
			check.Endpoint = "localhost:4317" // the rest can be checked anyway
		}
		errs = append(errs, check.Validate())
	}
	d.endpoint = t
	if set.Timeout <= 0 {
		errs = append(errs, errors.New("timeout: must be positive"))
	}
	errs = append(errs, d.compileOthers(reflect.ValueOf(set.Client)))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return d, nil
}

// NewArchive compiles a destination. The error names the setting.
func NewArchive(name string, set ArchiveSettings, pool *Pool) (*Destination, error) {
	if set.Directory == "" {
		return nil, errors.New("directory: must be set")
	}
	t, err := template.Compile(template.Path, set.Directory)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	confined, err := newConfinement(set.Root)
	if err != nil {
		return nil, err
	}
	switch {
	case set.Root == "" && t.BeginsWithVariable():
		return nil, errors.New("directory: begins with a variable, so that a tenant could name any directory of the machine; set archive::root to the one below which it has to be, or begin with a directory")
	case !t.Dynamic():
		if err := confined.check(set.Directory); err != nil {
			return nil, fmt.Errorf("directory: %w", err)
		}
	}
	if set.MaxFileBytes <= 0 {
		return nil, errors.New("max_file_bytes: must be positive")
	}
	if set.MaxOpenFiles <= 0 {
		return nil, errors.New("max_open_files: must be positive")
	}
	if set.Compression != ArchiveCompressionNone && set.Compression != ArchiveCompressionZstd {
		return nil, errors.New("compression: must be none or zstd")
	}
	return &Destination{name: name, pool: pool, archive: &set, confined: confined, endpoint: t}, nil
}

// compileHeaders compiles the headers of the settings, which replace those of
// the profile.
func (d *Destination) compileHeaders(p Profile, own configopaque.MapList) error {
	texts := make(map[string]string)
	names := make(map[string]string) // by lower case
	for name, text := range p.Headers {
		names[strings.ToLower(name)], texts[strings.ToLower(name)] = name, text
	}
	var errs []error
	for name, text := range own.Iter {
		if !validHeaderName(name) {
			errs = append(errs, fmt.Errorf("headers: %q is not a header name", name))
			continue
		}
		names[strings.ToLower(name)], texts[strings.ToLower(name)] = name, string(text)
	}
	for lower, name := range names {
		t, err := template.Compile(p.headerKind(lower), texts[lower])
		if err != nil {
			errs = append(errs, fmt.Errorf("headers::%s: %w", name, err))
			continue
		}
		if d.http != nil && lower == "host" {
			d.host = t // compression makes a new request, which only a client can give a host
			continue
		}
		d.headers = append(d.headers, header{name, t})
	}
	return errors.Join(errs...)
}

// checkAccounts returns why a variable must not be part of the URL t: VictoriaMetrics and compatible backends
// read accounts from URLs. Values of references are not checked.
func (d *Destination) checkAccounts(t *template.Template, v template.Values) error {
	if !d.profile.Accounts {
		return nil
	}
	for _, name := range []string{tenant.VarAccountID, tenant.VarProjectID} {
		value, has := v.Vars[name]
		if !has || !t.Uses(name) || reference.Has(value) {
			continue
		}
		if err := tenant.CheckAccount(value); err != nil {
			return fmt.Errorf("vars.%s: %w", name, err)
		}
	}
	return nil
}

// encodes reports whether the headers include Content-Encoding.
func (d *Destination) encodes() bool {
	return slices.ContainsFunc(d.headers, func(h header) bool { return strings.EqualFold(h.name, "Content-Encoding") })
}

func validHeaderName(name string) bool {
	if name == "" {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

// compileOthers compiles the templates in all strings of settings except the endpoint and the headers.
func (d *Destination) compileOthers(settings reflect.Value) error {
	var errs []error
	var walk func(v reflect.Value, index []int, key string)
	walk = func(v reflect.Value, index []int, key string) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				f := v.Type().Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("mapstructure"), ",")
				if !f.IsExported() || (len(index) == 0 && (name == "endpoint" || name == "headers")) {
					continue
				}
				inner := key
				if name != "" {
					inner = strings.TrimPrefix(key+"::"+name, "::")
				}
				walk(v.Field(i), append(index[:len(index):len(index)], i), inner)
			}
		case reflect.String:
			text := v.String()
			if !strings.ContainsAny(text, "{}") {
				return
			}
			t, err := template.Compile(d.kindOf(key), text)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", key, err))
				return
			}
			d.others = append(d.others, other{index: index, key: key, value: t})
		}
	}
	walk(settings, nil, "")
	return errors.Join(errs...)
}

func (d *Destination) kindOf(key string) template.Kind {
	switch {
	case strings.HasSuffix(key, "_file"):
		return template.File
	case d.grpc != nil && (key == "authority" || strings.HasSuffix(key, "server_name_override")):
		return template.Name // gRPC logs it
	case key == "proxy_url":
		return template.URL
	}
	return template.Text
}

// fill sets the strings that others describe in settings, a pointer to a copy.
func (d *Destination) fill(settings any, v template.Values, secrets *redact.Secrets) error {
	for _, o := range d.others {
		text, err := o.value.RenderNoting(v, secrets.Add)
		if err != nil {
			return fmt.Errorf("%s: %w", o.key, err)
		}
		reflect.ValueOf(settings).Elem().FieldByIndex(o.index).SetString(text)
	}
	return nil
}

// Cumulative reports whether the destination must not get delta metrics.
func (d *Destination) Cumulative() bool { return d.profile.Cumulative }

// NeedsSpanIDs reports whether the destination rejects a whole request because of one span without IDs.
func (d *Destination) NeedsSpanIDs() bool { return d.profile.SpanIDs }

// Shared reports whether the destination does not separate the data of tenants: the backend has no tenants,
// and no setting depends on the tenant.
func (d *Destination) Shared() bool {
	if !d.profile.NoTenancy || d.host != nil && d.host.Dynamic() || len(d.others) > 0 {
		return false
	}
	for _, t := range append(d.endpoints[:], d.endpoint) {
		if t != nil && t.Dynamic() {
			return false
		}
	}
	return !slices.ContainsFunc(d.headers, func(h header) bool { return h.value.Dynamic() })
}

// Ordered reports whether the destination accepts samples in order only.
func (d *Destination) Ordered() bool { return d.profile.Ordered }

// transportKey returns a string that is equal for tenants with the same client.
func (d *Destination) transportKey(v template.Values) string {
	var b strings.Builder
	b.WriteString(d.name)
	if d.sensitive(v) {
		b.WriteString("\x01sensitive")
	}
	if d.host != nil {
		b.WriteString("\x01" + d.host.Key(v))
	}
	for _, o := range d.others {
		b.WriteString("\x01" + o.value.Key(v))
	}
	return b.String()
}

// Carries reports whether the destination accepts data of signal.
func (d *Destination) Carries(signal tenant.Signal) bool {
	switch {
	case d.http != nil && d.endpoints[signal] != nil, d.archive != nil:
		return true
	case d.http != nil && d.endpoint == nil:
		return false
	}
	return d.profile.Paths[signal] != ""
}

// Check returns why the destination does not work for a signal of a tenant, as far as that is known without
// reading secrets.
func (d *Destination) Check(signal int, v template.Values) error {
	var errs []error
	check := func(key string, t *template.Template) {
		err := t.Check(v)
		if err == nil {
			err = d.checkHost(t, v)
		}
		if err == nil {
			err = d.checkAccounts(t, v)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	switch {
	case d.archive != nil:
		err := d.endpoint.Check(v)
		if err == nil && d.confined != nil && !d.endpoint.Secret(v) { // a secret is checked when it is used
			var path string
			if path, err = d.endpoint.Render(v); err == nil {
				err = d.confined.check(path)
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("directory: %w", err))
		}
	case d.http != nil && d.endpoints[signal] != nil:
		check(signalName(signal)+"_endpoint", d.endpoints[signal])
	case d.endpoint != nil:
		check("endpoint", d.endpoint)
	}
	for _, h := range d.headers {
		check("headers::"+h.name, h.value)
	}
	if d.host != nil {
		check("headers::Host", d.host)
	}
	for _, o := range d.others {
		check(o.key, o.value)
	}
	return errors.Join(errs...)
}
