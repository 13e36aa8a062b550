// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import (
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/gcpace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

// reporters are the types of the extensions that call [Report].
var reporters = []string{"tenantregistry", "requestguard"}

// thisMachine returns the Machine of this process.
func thisMachine() Machine {
	memory, group := guard.MemoryLimit()
	m := Machine{Memory: memory, Group: group, Guard: guard.DefaultMemory(), GoLimit: debug.SetMemoryLimit(-1)}
	if os.Getenv("GOGC") == "" {
		m.HeapFloor = gcpace.DefaultFloor(m.GoLimit, memory, group)
	}
	return m
}

// Report logs the warnings about a configuration, and returns the refusals as an error.
// Extensions call it with their own ID when the collector passes its configuration to them.
// If a collector has several of these extensions, only the call of the first one under
// service::extensions has an effect.
func Report(conf map[string]any, id string, logger *zap.Logger) error {
	enabled := texts(at(conf, "service", "extensions"))
	i := slices.IndexFunc(enabled, func(id string) bool { return slices.Contains(reporters, typeOf(id)) })
	if i >= 0 && enabled[i] != id {
		return nil
	}
	var errs []error
	for _, f := range append(Check(conf), CheckMemory(conf, thisMachine())...) {
		if f.Refuse {
			errs = append(errs, errors.New(f.String()))
			continue
		}
		// The logger names the extension, but the finding concerns another component.
		logger.Warn("The configuration can lose data or leave the collector unprotected",
			zap.String("component", componentOf(f.Key)), zap.String("key", f.Key), zap.String("problem", f.Text))
	}
	return errors.Join(errs...)
}

// componentOf returns the part of a key that names a component, such as
// exporters::tenant_routing, or service.
func componentOf(key string) string {
	section, rest, found := strings.Cut(key, "::")
	if !found || section == "service" {
		return section
	}
	id, _, _ := strings.Cut(rest, "::")
	return section + "::" + id
}
