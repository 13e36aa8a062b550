// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package docs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
)

// validators check blocks that are neither executed nor written to a file, by language.
var validators = map[string]func(p *player, b block) error{
	"yaml": (*player).validateYAML,
	"json": func(_ *player, b block) error { return validJSON(b.code) },
	"caddyfile": func(p *player, b block) error {
		return p.check(b.code, "Caddyfile", "caddy", "adapt", "--adapter", "caddyfile", "--config")
	},
	"promql": (*player).validatePromQL,
	"python": func(p *player, b block) error { return p.check(b.code, "x.py", "python3", "-m", "py_compile") },
	"js":     func(p *player, b block) error { return p.check(b.code, "x.mjs", "node", "--check") },
	"toml": func(p *player, b block) error {
		return p.check(b.code, "x.toml", "python3", "-c", "import sys, tomllib; tomllib.load(open(sys.argv[1], 'rb'))")
	},
	"go":   func(_ *player, b block) error { _, err := format.Source([]byte(b.code)); return err },
	"make": (*player).validateTargets,
}

func (p *player) validate(b block) error {
	if b.marked("validate") && b.language == "yaml" {
		return p.validateYAML(b)
	}
	check, ok := validators[b.language]
	if !ok {
		return fmt.Errorf("nothing validates the language %q", b.language)
	}
	return check(p, b)
}

// check writes code to a file of this name and runs a program with the path as the last
// argument.
func (p *player) check(code, name, program string, args ...string) error {
	if _, err := exec.LookPath(program); err != nil {
		missing(p.t, program)
	}
	file := filepath.Join(p.t.TempDir(), name)
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		return err
	}
	return p.program(nil, program, append(args, file)...)
}

// program runs a program and returns an error with its output if it fails.
func (p *player) program(env []string, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, out)
	}
	return nil
}

// built returns the absolute path of a binary of make build.
func (p *player) built(name string) string {
	path, err := filepath.Abs(filepath.Join(root, "_build", name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		missing(p.t, "_build/"+name+" (run make build)")
	}
	return path
}

func validJSON(code string) error {
	dec := json.NewDecoder(strings.NewReader(code))
	for {
		var v any
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// validatePromQL checks each paragraph as the expression of a rule.
func (p *player) validatePromQL(b block) error {
	var rules []map[string]string
	for expr := range strings.SplitSeq(b.code, "\n\n") {
		if strings.TrimSpace(expr) != "" {
			rules = append(rules, map[string]string{"record": fmt.Sprintf("docs:%d", len(rules)), "expr": expr})
		}
	}
	raw, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "docs", "rules": rules}}})
	if err != nil {
		return err
	}
	return p.check(string(raw), "rules.yaml", "promtool", "check", "rules")
}

var makeTarget = regexp.MustCompile(`(?m)^\s*make ([a-z0-9-]+)`)

// validateTargets checks that the Makefile has the targets of a list.
func (p *player) validateTargets(b block) error {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		return err
	}
	found := makeTarget.FindAllStringSubmatch(b.code, -1)
	if len(found) == 0 {
		return errors.New("no target of make")
	}
	for _, m := range found {
		if !bytes.Contains(makefile, []byte("\n.PHONY: "+m[1]+"\n")) {
			return fmt.Errorf("the Makefile has no target %s", m[1])
		}
	}
	return nil
}

// validateYAML checks a configuration of the collector, a registry, or what the mark
// "validate" names: "gateway" or "agent" for a part of the shipped configuration, with
// " at A::B" for a part below these keys; "collector" for a whole configuration;
// "registry"; "tenant" for the entry of a tenant in it; "prometheus"; "syntax" for files of other programs.
func (p *player) validateYAML(b block) error {
	var content map[string]any
	if err := yaml.Unmarshal([]byte(b.code), &content); err != nil {
		return err
	}
	as, at, _ := strings.Cut(b.marks["validate"], " at ")
	replaced := false
	if section := sectionOf(content); as == "" && section != "" {
		as, at, replaced = "gateway", section, true
	}
	if as == "" {
		sections := []string{"extensions", "receivers", "processors", "exporters", "connectors", "service"}
		others := 0
		for key := range content {
			if !slices.Contains(sections, key) {
				others++
			}
		}
		switch {
		case content["tenants"] != nil:
			as = "registry"
		case others > 0:
			return errors.New(`this YAML is no section of a configuration: add a mark "validate: …" (internal/docs/testdata/README.md)`)
		case content["service"] != nil && content["receivers"] != nil && content["exporters"] != nil:
			as = "collector"
		default:
			as = "gateway"
		}
	}
	if at != "" {
		keys := strings.Split(at, "::")
		for _, key := range slices.Backward(keys) {
			content = map[string]any{key: content}
		}
	}
	switch as {
	case "syntax":
		return nil
	case "prometheus":
		return p.check(b.code, "prometheus.yml", "promtool", "check", "config", "--syntax-only")
	case "tenant":
		content["id"] = "acme"
		content = map[string]any{"tenants": []any{content}}
		fallthrough
	case "registry":
		raw, err := yaml.Marshal(content)
		if err != nil {
			return err
		}
		return p.check(string(raw), "tenants.yaml", p.built("tenantctl"), "registry", "validate", "--registry")
	case "collector":
		return p.check(b.code, "config.yaml", p.built("otelcol-tenant"), "validate", "--config")
	case "gateway", "agent":
		raw, err := os.ReadFile(filepath.Join(root, "distributions", as, "config.yaml"))
		if err != nil {
			return err
		}
		if replaced {
			if raw, err = withoutYAML(raw, content); err != nil {
				return err
			}
		}
		merged, err := mergeYAML(raw, content)
		if err != nil {
			return err
		}
		file := filepath.Join(p.t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, merged, 0o600); err != nil {
			return err
		}
		key, _ := apikey.New()
		env := []string{"BUSINESS_ID=acme", "TENANT_KEY=" + key, "GATEWAY_ENDPOINT=https://gateway.example:4318", "PM2_HOME=/home/app/.pm2"}
		return p.program(env, p.built("otelcol-tenant"), "validate", "--config", file)
	}
	return fmt.Errorf("%q is no way to validate YAML", as)
}

// sections are where the project's components are in a configuration.
var sections = map[string]string{
	"bearer_key_auth": "extensions", "request_guard": "extensions", "storage_check": "extensions", "tenant_health": "extensions", "tenant_registry": "extensions",
	"loki_push": "receivers", "pm2": "receivers", "prometheus_remote_write": "receivers", "tenant_otlp": "receivers",
	"tenant": "processors", "tenant_routing": "exporters",
}

// sectionOf returns the section of a configuration that has these components, or "" if not
// all keys are components of this project.
func sectionOf(content map[string]any) string {
	found := ""
	for key := range content {
		kind, _, _ := strings.Cut(key, "/")
		section := sections[kind]
		if section == "" || found != "" && section != found {
			return ""
		}
		found = section
	}
	return found
}

// withoutYAML returns the document without the components that another one configures.
func withoutYAML(document []byte, components map[string]any) ([]byte, error) {
	var content map[string]any
	if err := yaml.Unmarshal(document, &content); err != nil {
		return nil, err
	}
	for section, ids := range components {
		from, ok := content[section].(map[string]any)
		if ok {
			for id := range ids.(map[string]any) {
				delete(from, id)
			}
		}
	}
	return yaml.Marshal(content)
}

// mergeYAML returns the document with values replaced and added. Maps are merged; other values
// replace.
func mergeYAML(document []byte, values map[string]any) ([]byte, error) {
	var content map[string]any
	if err := yaml.Unmarshal(document, &content); err != nil {
		return nil, err
	}
	mergeInto(content, values)
	return yaml.Marshal(content)
}

func mergeInto(to, from map[string]any) {
	for key, value := range from {
		deeper, ok := value.(map[string]any)
		old, isMap := to[key].(map[string]any)
		if ok && isMap {
			mergeInto(old, deeper)
		} else {
			to[key] = value
		}
	}
}

// merge merges a block into a YAML file in the sandbox, as the reader does with an editor.
func (p *player) merge(ctx context.Context, b block) error {
	var values map[string]any
	if err := yaml.Unmarshal([]byte(b.code), &values); err != nil {
		return err
	}
	file := b.marks["merge"]
	before, err := p.sandbox().try(ctx, "cat "+file)
	if err != nil {
		return err
	}
	merged, err := mergeYAML([]byte(before), values)
	if err != nil {
		return err
	}
	return p.sandbox().write(ctx, file, string(merged))
}
