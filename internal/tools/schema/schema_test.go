// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const root = "../../.."

// The components are those of the manifest, at the same versions.
func TestDistribution_IsTheManifest(t *testing.T) {
	type module struct{ Gomod, Import string }
	var manifest map[string]any
	raw, err := os.ReadFile(filepath.Join(root, "builder-config.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(raw, &manifest))
	gomod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	for _, s := range distribution() {
		var want, got []string
		var modules []module
		out, err := yaml.Marshal(manifest[s.name])
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(out, &modules))
		for _, m := range modules {
			path, version, _ := strings.Cut(m.Gomod, " ")
			assert.Contains(t, string(gomod), path+" "+version, "go.mod has another version: run make generate")
			if strings.HasPrefix(path, contribModule) {
				assert.Equal(t, collectorVersion, version, path)
			}
			if m.Import != "" {
				path = m.Import
			}
			want = append(want, path)
		}
		for _, c := range s.components {
			got = append(got, c.path)
		}
		assert.ElementsMatch(t, want, got, s.name)
	}
	assert.Empty(t, manifest["connectors"], "the schema has no connectors")
}

func TestGenerated_IsCurrent(t *testing.T) {
	dir := t.TempDir()
	schema, ref := filepath.Join(dir, "schema"), filepath.Join(dir, "reference")
	require.NoError(t, generate(schema, ref))
	for written, committed := range map[string]string{schema: "docs/schema/otelcol-tenant.schema.json", ref: "docs/configuration.md"} {
		want, err := os.ReadFile(filepath.Join(root, committed))
		require.NoError(t, err)
		got, err := os.ReadFile(written)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got), "%s is stale: run make generate", committed)
	}
}

// Each setting has a meaning, and each meaning of the collector's settings is used.
func TestReference_ExplainsEverySetting(t *testing.T) {
	components, err := describe(distribution())
	require.NoError(t, err)
	used := make(map[string]bool)
	var walk func(prefix string, s *setting)
	walk = func(prefix string, s *setting) {
		for i := range s.fields {
			f := &s.fields[i]
			key := prefix + f.key
			text := upstreamMeaning(key)
			if f.doc == "" {
				assert.NotEmpty(t, text, "%s (%s) has no comment", key, f.goField)
				used[text] = true
			} else {
				assert.True(t, strings.HasSuffix(f.doc, ".") || strings.HasSuffix(f.doc, ")"), "%s: %q is not a sentence", key, f.doc)
			}
			walk(key+"::", f.setting)
			if f.elem != nil {
				name := "[]::"
				if f.kind == kindMap {
					name = "::NAME::"
				}
				walk(key+name, f.elem)
			}
		}
	}
	for i := range components {
		if components[i].own {
			walk("", components[i].setting)
		}
	}
	for _, m := range meanings() {
		assert.True(t, used[m.text], "nothing has the key %s", m.key)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	raw, err := os.Open(filepath.Join(root, "docs", "schema", "otelcol-tenant.schema.json"))
	require.NoError(t, err)
	defer raw.Close()
	doc, err := jsonschema.UnmarshalJSON(raw)
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	require.NoError(t, c.AddResource("schema.json", doc))
	s, err := c.Compile("schema.json")
	require.NoError(t, err)
	return s
}

// parsedConfiguration returns a document of YAML if it is a configuration or a part of one.
func parsedConfiguration(t *testing.T, text []byte) (doc any, ok bool) {
	t.Helper()
	var parsed any
	if yaml.Unmarshal(text, &parsed) != nil || !isConfiguration(parsed) {
		return nil, false // a template, or another document
	}
	return fromYAML(t, text), true
}

// fromYAML returns a document as JSON libraries read it.
func fromYAML(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	require.NoError(t, yaml.Unmarshal(text, &v), string(text))
	out, err := json.Marshal(v)
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
	require.NoError(t, err)
	return doc
}

var sections = []string{"receivers", "processors", "exporters", "extensions", "connectors", "service"}

// isConfiguration reports whether a document has sections of a configuration, and nothing else.
func isConfiguration(doc any) bool {
	m, ok := doc.(map[string]any)
	for key := range m {
		ok = ok && slices.Contains(sections, key)
	}
	return ok && len(m) > 0
}

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// others are folders with configurations of other distributions: that of a comparison, and SigNoz's.
var others = []string{"baseline", "signoz"}

// The schema accepts each configuration of the repository: those that are shipped, those of tests,
// and those in documents.
func TestSchema_AcceptsConfigurations(t *testing.T) {
	schema := compiled(t)
	files, blocks := 0, 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() {
			if name := entry.Name(); name == "_build" || name == "wrong" || name == "rules" || name == "node_modules" || name == ".git" || slices.Contains(others, name) {
				return filepath.SkipDir
			}
			return nil
		}
		switch {
		case strings.HasSuffix(path, ".md"):
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, m := range yamlBlock.FindAllSubmatch(raw, -1) {
				if doc, ok := parsedConfiguration(t, m[1]); ok {
					blocks++
					assert.NoError(t, schema.Validate(doc), "%s:\n%s", path, m[1])
				}
			}
		case strings.HasSuffix(path, ".yaml"):
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			if doc, ok := parsedConfiguration(t, raw); ok {
				files++
				assert.NoError(t, schema.Validate(doc), path)
			}
		}
		return nil
	}))
	assert.Greater(t, files, 10)
	assert.Greater(t, blocks, 8)
}

// structural are the wrong configurations of internal/e2e whose fault is a name or a type. Others
// are wrong because of values that belong together.
var structural = []string{
	"pm2-ansi", "pm2-max-line-size-text", "pm2-stack-traces", "pm2-start-at", "registry-key-unknown", "routing-unknown-signal",
	"tenant-detect-unknown", "tenant-key-unknown", "tenant-severity-unknown", "tenant-source-unknown",
}

func TestSchema_RejectsWrongConfigurations(t *testing.T) {
	schema := compiled(t)
	files, err := filepath.Glob(filepath.Join(root, "internal/e2e/testdata/wrong/*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var rejected []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		if schema.Validate(fromYAML(t, raw)) != nil {
			rejected = append(rejected, strings.TrimSuffix(filepath.Base(file), ".yaml"))
		}
	}
	for _, name := range structural {
		assert.Contains(t, rejected, name)
	}
	t.Logf("rejected: %v", rejected)
}

func TestSchema(t *testing.T) {
	schema := compiled(t)
	for text, valid := range map[string]bool{
		`receivers: {pm2: {home: /srv}}`:                                                                  true,
		`receivers: {pm2/second: {home: /srv}}`:                                                           true,
		`receivers: {pm2: }`:                                                                              true,
		`receivers: {pm2: {hoem: /srv}}`:                                                                  false,
		`receivers: {pm3: {home: /srv}}`:                                                                  false,
		`receivers: "${file:receivers.yaml}"`:                                                             true,
		`receivers: receivers.yaml`:                                                                       false,
		`receiver: {pm2: {}}`:                                                                             false,
		`receivers: {otlp: {protocols: {http: {endpoint: "a:1"}}}}`:                                       true,
		`receivers: {otlp: {protocols: {http: {endpont: "a:1"}}}}`:                                        false,
		`receivers: {otlp: {protocols: {http: {max_request_body_size: 1}}}}`:                              true,
		`receivers: {otlp: {protocols: {http: {max_request_body_size: "${env:A}"}}}}`:                     true,
		`receivers: {otlp: {protocols: {http: {max_request_body_size: large}}}}`:                          false,
		`receivers: {otlp: {protocols: {http: {include_metadata: yes please}}}}`:                          false,
		`receivers: {otlp: {protocols: {http: {cors: {allowed_origins: ["*"]}}}}}`:                        true,
		`receivers: {tenant_otlp: {protocols: {grpc: }}}`:                                                 true,
		`receivers: {tenant_otlp: {protocols: {gprc: }}}`:                                                 false,
		`processors: {tenant: {source: auth}}`:                                                            true,
		`processors: {tenant: {source: "${env:SOURCE}"}}`:                                                 true,
		`processors: {tenant: {source: key}}`:                                                             false,
		`processors: {tenant: {limits: {burst: 2s}}}`:                                                     true,
		`processors: {tenant: {limits: {burst: 2}}}`:                                                      false,
		`processors: {tenant: {limits: {burst: 2 s}}}`:                                                    false,
		`processors: {batch: {timeout: 1s, send_batch_size: 1000}}`:                                       true,
		`processors: {batch: {timeuot: 1s}}`:                                                              false,
		`exporters: {tenant_routing: {lane: {max_bytes: 1GiB}}}`:                                          true,
		`exporters: {tenant_routing: {lane: {max_bytes: 1073741824}}}`:                                    true,
		`exporters: {tenant_routing: {lane: {max_bytes: much}}}`:                                          false,
		`exporters: {tenant_routing: {destinations: {a: {archive: {directory: d}}}}}`:                     true,
		`exporters: {tenant_routing: {destinations: {a: {archive: {directroy: d}}}}}`:                     false,
		`exporters: {tenant_routing: {destinations: {a: {otlp_http: {headers: {a: b}}}}}}`:                true,
		`exporters: {tenant_routing: {destinations: {a: {otlp_http: {headers: [{name: a, value: b}]}}}}}`: true,
		`exporters: {tenant_routing: {dead_letter: {enabled: false}}}`:                                    true,
		`exporters: {otlp_http: {endpoint: "https://a", sending_queue: {enabled: false}}}`:                true,
		`exporters: {otlphttp: {endpoint: "https://a"}}`:                                                  true,
		`extensions: {bearer_key_auth: {client: {key_file: a}}}`:                                          true,
		`extensions: {request_guard: {memory_limit: off}}`:                                                true,
		`extensions: {request_guard: {memory_limit: 224MiB}}`:                                             true,
		`extensions: {request_guard: {heap_floor: off}}`:                                                  true,
		`extensions: {request_guard: {heap_floor: 64MiB}}`:                                                true,
		`service: {pipelines: {logs: {receivers: [pm2]}, logs/2: {exporters: [debug]}}}`:                  true,
		`service: {pipelines: {log: {receivers: [pm2]}}}`:                                                 false,
		`service: {pipelines: {logs: {receiver: [pm2]}}}`:                                                 false,
		`service: {telemetry: {metrics: {readers: []}}}`:                                                  true,
	} {
		err := schema.Validate(fromYAML(t, []byte(text)))
		if valid {
			assert.NoError(t, err, text)
		} else {
			assert.Error(t, err, text)
		}
	}
}

// What the schema has as the values of a setting are all that the component accepts: the factory
// reads them, and the default is one of them.
func TestSchema_EnumsContainTheDefault(t *testing.T) {
	components, err := describe(distribution())
	require.NoError(t, err)
	n := 0
	var walk func(where string, s *setting)
	walk = func(where string, s *setting) {
		for i := range s.fields {
			f := &s.fields[i]
			if len(f.enum) > 0 {
				n++
				if f.def != "" {
					assert.Contains(t, f.enum, f.def, fmt.Sprint(where, "::", f.key))
				}
			}
			walk(where+"::"+f.key, f.setting)
			if f.elem != nil {
				walk(where+"::"+f.key, f.elem)
			}
		}
	}
	for i := range components {
		walk(components[i].types[0], components[i].setting)
	}
	assert.Greater(t, n, 8)
}
