// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
)

// provider is a provider of the collector with fixed values.
type provider struct {
	scheme string
	get    func(uri string) (*confmap.Retrieved, error)
}

func (p provider) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	return p.get(uri[len(p.scheme)+1:])
}
func (p provider) Scheme() string               { return p.scheme }
func (provider) Shutdown(context.Context) error { return nil }

// resolve reads files as the collector does.
func resolve(t *testing.T, variables map[string]string, files ...string) (map[string]any, error) {
	t.Helper()
	factory := func(p provider) confmap.ProviderFactory {
		return confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return p })
	}
	var uris []string
	for _, f := range files {
		uris = append(uris, "file:"+f)
	}
	r, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs: uris, DefaultScheme: "env",
		ProviderFactories: []confmap.ProviderFactory{
			factory(provider{"file", func(path string) (*confmap.Retrieved, error) {
				data, err := os.ReadFile(path)
				if err != nil {
					return nil, err
				}
				return confmap.NewRetrievedFromYAML(data)
			}}),
			factory(provider{"env", func(uri string) (*confmap.Retrieved, error) {
				name, def, _ := strings.Cut(uri, ":-")
				text, ok := variables[name]
				if !ok {
					text = def
				}
				if text == "" {
					return confmap.NewRetrieved("")
				}
				return confmap.NewRetrievedFromYAML([]byte(text))
			}}),
		},
	})
	require.NoError(t, err)
	conf, err := r.Resolve(t.Context())
	if err != nil {
		return nil, err
	}
	return conf.ToStringMap(), nil
}

var variables = map[string]string{"HOST": "10.0.0.1", "PORT": "4318", "ON": "true", "EMPTY": "", "TEXT": "a: b", "DOLLAR": "a$$b", "QUOTED": "'1'", "LIST": "[a, b/c]"}

func load(t *testing.T, files ...string) (any, error) {
	t.Helper()
	src := &source{lookup: func(name string) (string, bool) { text, ok := variables[name]; return text, ok }, files: map[string]*comments{}}
	var root *value
	for _, f := range files {
		v, err := src.read(f, 0)
		if err != nil {
			return nil, err
		}
		root = merge(root, v)
	}
	return root.plain(), nil
}

// References, aliases and merges have the result that the collector's own reader has.
func TestRead_AsTheCollector(t *testing.T) {
	for name, docs := range map[string][]string{
		"references": {`
a: {endpoint: "${env:HOST}:${env:PORT}", port: "${env:PORT}", on: "${env:ON}", plain: "${HOST}"}
b: {missing: "${env:NOT_SET:-0.0.0.0}:${env:NOT_SET:-1}", number: "${env:NOT_SET:-12}", empty: "${env:NOT_SET:-}"}
c: ["${env:HOST}", "x${env:PORT}y"]
d: {escaped: "$${env:HOST}", dollars: "a$$b", three: "$$$${env:HOST}", dollar: "a$b", open: "${env:HOST", close: "}"}
e: {nested: "${env:NOT_SET:-${env:HOST}}", both: "${env:HOST:-other}", url: "${env:NOT_SET:-http://a:1/b?c=d}"}
f: {quoted: '${env:QUOTED}', from: "${env:DOLLAR}"}`},
		"list in a variable": {`a: {default: "${env:NOT_SET:-[pm2, tenant_otlp]}", set: "${env:LIST}"}`},
		"types":              {"a: {i: 1, f: 1.5, b: true, s: text, d: 30s, n: null, o: off, list: [1, a, true], date: 2026-01-01x}"},
		"aliases":            {"a: &a {x: 1, y: {z: 2}}\nb: *a\nc: {<<: *a, x: 3}\nd: {<<: [{x: 4}, {x: 5, w: 6}]}"},
		"merge":              {"a: {x: 1, y: {z: 2, list: [1, 2]}}\nb: 1", "a: {y: {z: 3, list: [4]}}\nc: {d: e}"},
		"null replaces":      {"a: {x: {y: 1}, z: 1}", "a: {x: null}"},
		"scalar to mapping":  {"a: 1", "a: {b: c}"},
		"empty mapping":      {"a: {b: 1}", "a: {}"},
	} {
		t.Run(name, func(t *testing.T) {
			var files []string
			for i, text := range docs {
				path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.yaml", i))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
				files = append(files, path)
			}
			want, err := resolve(t, variables, files...)
			require.NoError(t, err)
			got, err := load(t, files...)
			require.NoError(t, err)
			assert.Equal(t, normal(t, want), normal(t, got))
		})
	}
}

// normal removes differences between types of numbers.
func normal(t *testing.T, v any) any {
	t.Helper()
	out, err := yaml.Marshal(v)
	require.NoError(t, err)
	var again any
	require.NoError(t, yaml.Unmarshal(out, &again))
	return again
}

func TestRead_Bounds(t *testing.T) {
	for name, text := range map[string]string{
		"aliases that multiply": "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]",
		"a file of itself":      "a: ${file:SELF}",
		"a key twice":           "a: 1\na: 2",
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(text, "SELF", path)), 0o600))
		_, err := load(t, path)
		assert.Error(t, err, name)
	}
}

// A file of settings has its own positions.
func TestRead_IncludedFile(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "extensions.yaml")
	require.NoError(t, os.WriteFile(inner, []byte("# a comment\npprof:\n  endpoint: 0.0.0.0:1777\n"), 0o600))
	outer := filepath.Join(dir, "config.yaml")
	require.NoError(t, os.WriteFile(outer, []byte("extensions: ${file:"+inner+"}\nreceivers: {otlp: {protocols: {http: }}}\nexporters: {nop: }\n"+
		"service: {extensions: [pprof], pipelines: {logs: {receivers: [otlp], exporters: [nop]}}}\n"), 0o600))
	result, err := Run(Settings{Files: []string{outer}})
	require.NoError(t, err)
	require.Len(t, result.Findings, 1)
	assert.Equal(t, inner, result.Findings[0].File)
	assert.Equal(t, 3, result.Findings[0].Line)
}
