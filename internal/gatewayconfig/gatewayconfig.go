// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package gatewayconfig reads the destinations that a registry may use from the configuration of a
// gateway.
package gatewayconfig

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/otelcol-tenant/otelcol-tenant/internal/profile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// maxFileBytes bounds the size of a configuration file.
const maxFileBytes = 16 << 20

// Destinations are the destinations of all tenant_routing exporters, by name.
type Destinations map[string]Destination

// Destination is what a destination accepts and needs.
type Destination struct {
	// Signals are those that it accepts.
	Signals tenant.Signals
	// Vars are the names of the tenant's variables in its settings, sorted.
	Vars []string
	// ScopeOrgID is whether its profile sends the tenant's ID as X-Scope-OrgID. What
	// [tenant.CheckScopeOrgID] rejects does not arrive there.
	ScopeOrgID bool
}

// Read returns the destinations of a configuration in files. Later files are merged into earlier
// ones, as with several --config flags of the collector. References such as ${env:NAME} are not
// resolved.
func Read(files ...string) (Destinations, error) {
	conf := make(map[string]any)
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if info.Size() > maxFileBytes {
			return nil, fmt.Errorf("%s: has %d bytes, which is more than the limit of %d for a configuration", path, info.Size(), maxFileBytes)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var more map[string]any
		if err := yaml.Unmarshal(data, &more); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		merge(conf, more)
	}
	found, err := Of(conf)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(files, ", "), err)
	}
	return found, nil
}

func merge(to, from map[string]any) {
	for key, value := range from {
		if inner, ok := value.(map[string]any); ok {
			if old, ok := to[key].(map[string]any); ok {
				merge(old, inner)
				continue
			}
		}
		to[key] = value
	}
}

// Of returns the destinations of a configuration that was read.
func Of(conf map[string]any) (Destinations, error) {
	exporters, _ := conf["exporters"].(map[string]any)
	all, routing := make(Destinations), false
	for _, id := range slices.Sorted(maps.Keys(exporters)) {
		kind, _, _ := strings.Cut(id, "/")
		if strings.TrimSpace(kind) != "tenant_routing" {
			continue
		}
		routing = true
		settings, _ := exporters[id].(map[string]any)
		destinations, ok := settings["destinations"].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("exporters::%s::destinations is not in the file as a map of destinations, such as if it is a reference to another file: pass that file too", id)
		}
		for name, d := range destinations {
			found := all[name] // exporters may have destinations of the same name
			found.Signals |= signals(d)
			found.ScopeOrgID = found.ScopeOrgID || scopeOrgID(d)
			found.Vars = append(found.Vars, vars(d)...)
			slices.Sort(found.Vars)
			found.Vars = slices.Compact(found.Vars)
			all[name] = found
		}
	}
	if !routing {
		return nil, errors.New("there is no tenant_routing exporter: pass the configuration of a gateway")
	}
	return all, nil
}

// signals returns the signals that a destination accepts. Values that cannot be read from
// the configuration count as valid.
func signals(d any) (s tenant.Signals) {
	every := tenant.NewSignals(tenant.AllSignals()...)
	settings, ok := d.(map[string]any)
	if !ok {
		return every
	}
	if _, ok := settings["archive"]; ok {
		return every
	}
	name, _ := settings["profile"].(string)
	paths, known := profile.Find(name)
	s = paths.Signals()
	if !known {
		s = every
	}
	http, ok := settings["otlp_http"].(map[string]any)
	if !ok {
		return s
	}
	if http["endpoint"] == nil {
		s = 0
	}
	for _, signal := range tenant.AllSignals() {
		if http[signal.String()+"_endpoint"] != nil {
			s |= tenant.NewSignals(signal)
		}
	}
	return s
}

// scopeOrgID reports whether the profile of a destination sends the tenant's ID as X-Scope-OrgID.
func scopeOrgID(d any) bool {
	settings, _ := d.(map[string]any)
	name, _ := settings["profile"].(string)
	return profile.ScopeOrgID(name)
}

// vars returns the names of the variables of a tenant in settings.
func vars(settings any) (names []string) {
	switch v := settings.(type) {
	case map[string]any:
		for _, inner := range v {
			names = append(names, vars(inner)...)
		}
	case []any:
		for _, inner := range v {
			names = append(names, vars(inner)...)
		}
	case string:
		for _, rest := range strings.Split(v, "{vars.")[1:] {
			if name, _, closed := strings.Cut(rest, "}"); closed {
				names = append(names, name)
			}
		}
	}
	return names
}

// Missing returns a sentence for each variable that a destination of a route needs and vars does not have.
func (d Destinations) Missing(route []string, vars map[string]string) (all []string) {
	for _, name := range route {
		for _, v := range d[name].Vars {
			if _, has := vars[v]; !has {
				all = append(all, fmt.Sprintf("destination %q needs the variable %q", name, v))
			}
		}
	}
	return all
}

// maxListed bounds the names in an error.
const maxListed = 20

// Check returns an error if data of signal would not reach all destinations of a route, with a line
// for each unknown or unsuitable destination.
func (d Destinations) Check(signal tenant.Signal, route []string) error {
	var errs []error
	for _, name := range route {
		destination, known := d[name]
		takes := destination.Signals
		switch {
		case !known:
			errs = append(errs, fmt.Errorf("no gateway has the destination %q%s; %s", name, d.near(name), d.list(signal)))
		case !takes.Has(signal):
			errs = append(errs, fmt.Errorf("the destination %q accepts only %s, not %s; %s", name, orNothing(takes), signal, d.list(signal)))
		}
	}
	return errors.Join(errs...)
}

func orNothing(s tenant.Signals) string {
	if s == 0 {
		return "nothing"
	}
	return strings.Join(s.Names(), " and ")
}

// list describes the destinations that accept signal.
func (d Destinations) list(signal tenant.Signal) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if d[name].Signals.Has(signal) {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0:
		return "no destination accepts " + signal.String()
	case len(names) > maxListed:
		return fmt.Sprintf("%s can be sent to %s and %d more", signal, strings.Join(names[:maxListed], ", "), len(names)-maxListed)
	}
	return fmt.Sprintf("%s can be sent to %s", signal, strings.Join(names, ", "))
}

// near suggests the most similar name.
func (d Destinations) near(wrong string) string {
	best, least := "", max(2, len(wrong)/3)+1
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if n := distance(strings.ToLower(wrong), strings.ToLower(name)); n < least {
			best, least = name, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// maxDistance is the maximum length of names that distance compares.
const maxDistance = 200

// distance returns the number of bytes that must be added, removed or changed to get b from a.
func distance(a, b string) int {
	if len(a) > maxDistance || len(b) > maxDistance {
		return maxDistance
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
