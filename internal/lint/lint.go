// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/configcheck"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
)

// Settings say what is checked.
type Settings struct {
	// Files are the configuration files, merged in this order as those of several --config flags.
	// At least one.
	Files []string
	// EnvFiles contain environment variables of the collector, in the format of systemd. They
	// precede the environment of this process.
	EnvFiles []string
	// Role defaults to [RoleAuto].
	Role Role
	// Gateways is the number of gateways that share tenants; 0: unknown.
	Gateways int
	// Registry is the registry of the gateways; nil: it is not checked.
	Registry *Registry
	// Disable lists rules that are not checked.
	Disable []string
	// Now is the time with which expiries are compared. Defaults to the current time.
	Now time.Time
}

// Registry is a registry to check with the configuration.
type Registry struct {
	// Name is its path, or how a database is shown.
	Name string
	// Data is its content in the format of a registry file.
	Data []byte
	// File is whether it is a file at the path Name, whose permissions and lines are known.
	File bool
}

// Result is what was found.
type Result struct {
	// Role is the role as which the configuration was checked: agent, gateway or other.
	Role Role `json:"role"`
	// Findings are ordered by file, line and rule. Suppressed ones are among them.
	Findings []Finding `json:"findings"`
}

// Count returns the number of findings of at least the severity, without suppressed ones.
func (r *Result) Count(least finding.Severity) (n int) {
	for _, f := range r.Findings {
		if f.Severity >= least && f.Suppressed == "" {
			n++
		}
	}
	return n
}

// Run checks a configuration. The error is about files that cannot be read, and about settings.
func Run(set Settings) (*Result, error) {
	rules := Rules()
	for _, id := range set.Disable {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == id }) {
			return nil, UnknownRuleError(id)
		}
	}
	if set.Now.IsZero() {
		set.Now = time.Now()
	}
	lookup, err := environment(set.EnvFiles)
	if err != nil {
		return nil, err
	}
	src := &source{lookup: lookup, files: make(map[string]*comments)}
	c, err := newConfig(&set, src)
	if err != nil {
		return nil, err
	}
	l := &linter{config: c, src: src, disabled: set.Disable}
	for i := range rules {
		if rule := &rules[i]; rule.check != nil && rule.appliesTo(c.role) {
			rule.check(c, l.reporter(rule))
		}
	}
	l.checkSuppressions(rules)
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(c.fileOrder(a.File), c.fileOrder(b.File)), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return &Result{Role: c.role, Findings: append([]Finding{}, l.found...)}, nil
}

// UnknownRuleError is the ID of a rule that does not exist.
type UnknownRuleError string

// Error implements error.
func (e UnknownRuleError) Error() string {
	return fmt.Sprintf("there is no rule %q; tenantctl lint --list prints all", string(e))
}

// linter collects findings.
type linter struct {
	config   *config
	src      *source
	disabled []string
	found    []Finding
}

func (l *linter) reporter(rule *Rule) reporter {
	return func(v *value, key, format string, args ...any) {
		pos := l.config.root.pos
		if v != nil {
			pos = v.pos
		}
		l.add(rule, pos, key, fmt.Sprintf(format, args...))
	}
}

func (l *linter) add(rule *Rule, pos position, key, message string) {
	if slices.Contains(l.disabled, rule.ID) {
		return
	}
	f := Finding{
		Rule: rule.ID, Severity: rule.Severity, File: pos.file, Line: pos.line, Column: pos.column,
		Key: key, Message: message, Fix: rule.Fix, Docs: rule.Docs(),
	}
	if slices.ContainsFunc(l.found, func(other Finding) bool { return other == f }) {
		return
	}
	if rule.Family != FamilyLinter {
		if s := l.src.files[pos.file].find(rule.ID, pos.line); s != nil {
			f.Suppressed = s.reason
			if slices.ContainsFunc(l.found, func(other Finding) bool { return other == f }) {
				return
			}
		}
	}
	l.found = append(l.found, f)
}

// config is the merged configuration and what rules need to know about it.
type config struct {
	set       *Settings
	root      *value
	role      Role
	pipelines []pipeline
	checks    []configcheck.Finding
	listeners []listener
	clients   []client
	registry  *registry // nil: none is checked
}

type pipeline struct {
	id                               string
	value                            *value
	receivers, processors, exporters []string
}

func newConfig(set *Settings, src *source) (*config, error) {
	c := &config{set: set}
	for _, path := range set.Files {
		v, err := src.read(path, 0)
		switch {
		case err != nil:
			return nil, err
		case v.kind == kindNull:
			continue
		case v.kind != kindMapping:
			return nil, fmt.Errorf("%s: is not a mapping of settings", path)
		}
		c.root = merge(c.root, v)
	}
	if c.root == nil {
		return nil, fmt.Errorf("%s: has no settings", strings.Join(set.Files, ", "))
	}
	pipelines := c.root.at("service", "pipelines")
	for _, id := range pipelines.names() {
		p := pipelines.at(id)
		c.pipelines = append(c.pipelines, pipeline{id, p, p.at("receivers").texts(), p.at("processors").texts(), p.at("exporters").texts()})
	}
	if plain, ok := c.root.plain().(map[string]any); ok {
		c.checks = configcheck.Check(plain)
	}
	c.role = set.Role
	if c.role == "" || c.role == RoleAuto {
		c.role = detectRole(c)
	}
	c.listeners = findListeners(c)
	c.clients = findClients(c)
	if set.Registry != nil {
		r, err := newRegistry(c, set.Registry, src)
		if err != nil {
			return nil, err
		}
		c.registry = r
	}
	return c, nil
}

// fileOrder returns the position of a file in the arguments.
func (c *config) fileOrder(path string) int {
	if i := slices.Index(c.set.Files, path); i >= 0 {
		return i
	}
	return len(c.set.Files)
}

// locate returns the setting at a key such as exporters::otlp::endpoint, or the innermost one that
// exists and would contain it.
func (c *config) locate(key string) *value {
	v := c.root
	for _, name := range strings.Split(key, "::") {
		inner := v.at(name)
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(v.items) {
			inner = v.items[i]
		}
		if inner == nil {
			break
		}
		v = inner
	}
	return v
}

// isPart reports whether the files are only a part of a configuration: they have no pipelines.
func (c *config) isPart() bool { return c.root.at("service", "pipelines") == nil }

// used returns the IDs of the components of a section that pipelines or service::extensions name,
// in the order of the file. In a part of a configuration these are all.
func (c *config) used(section string) (ids []string) {
	if c.isPart() {
		return c.root.at(section).names()
	}
	named := make(map[string]bool)
	note := func(all []string) {
		for _, id := range all {
			named[id] = true
		}
	}
	switch section {
	case "extensions":
		note(c.root.at("service", "extensions").texts())
	case "receivers", "processors", "exporters", "connectors":
		for i := range c.pipelines {
			p := &c.pipelines[i]
			switch section {
			case "receivers":
				note(p.receivers)
			case "processors":
				note(p.processors)
			case "exporters":
				note(p.exporters)
			default:
				note(p.receivers)
				note(p.exporters)
			}
		}
	}
	for _, id := range c.root.at(section).names() {
		if named[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// enabled reports whether service::extensions names an extension.
func (c *config) enabled(id string) bool {
	return slices.Contains(c.root.at("service", "extensions").texts(), id)
}

// found reports whether configcheck has a finding of a check at a key.
func (c *config) found(check configcheck.Name, key string) bool {
	return slices.ContainsFunc(c.checks, func(f configcheck.Finding) bool { return f.Check == check && f.Key == key })
}

// typeOf returns the type of a component ID without underscores, as configcheck does.
func typeOf(id string) string {
	kind, _, _ := strings.Cut(id, "/")
	return strings.ReplaceAll(strings.TrimSpace(kind), "_", "")
}

const (
	typeTenant   = "tenant"
	typeRouting  = "tenantrouting"
	typeKeyAuth  = "bearerkeyauth"
	typeGuard    = "requestguard"
	typeRegistry = "tenantregistry"
)

// checked returns a check that reports the findings of configcheck with a name.
func checked(names ...configcheck.Name) func(*config, reporter) {
	return func(c *config, report reporter) {
		for _, f := range c.checks {
			if slices.Contains(names, f.Check) {
				report(c.locate(f.Key), f.Key, "%s", f.Text)
			}
		}
	}
}
