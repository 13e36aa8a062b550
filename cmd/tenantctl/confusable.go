package main

import (
	"fmt"

	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// twinError says that two IDs differ in case only.
type twinError [2]tenant.ID

func (e twinError) Error() string {
	return fmt.Sprintf("the IDs of tenants %s and %s differ in case only, and file systems that ignore case take them for the same: choose another ID", e[0], e[1])
}

// checkTwin refuses an ID that differs from another in case only.
func checkTwin(d *registryfile.Document, id tenant.ID) error {
	for _, t := range d.Tenants() {
		if t.ID != id && t.ID.Fold() == id.Fold() {
			return twinError{t.ID, id}
		}
	}
	return nil
}

// lookalikeError says that an attribute would be taken for the tenant's identity.
type lookalikeError string

func (e lookalikeError) Error() string {
	return fmt.Sprintf("attribute %q would be taken for %s, which the gateway sets and nobody else: choose another name", string(e), tenant.AttributeKey)
}

// checkReference refuses references that no gateway can follow, and returns a note
// about those that a gateway follows only if it is configured to.
func checkReference(name, value string) (note string, err error) {
	if !reference.Has(value) {
		return "", nil
	}
	if err := reference.Check(value); err != nil {
		return "", usagef("--var %s: %w", name, err)
	}
	usual := reference.Policy{Directories: []string{reference.DefaultDirectory}, EnvPrefixes: []string{reference.DefaultEnvPrefix}}
	if err := usual.Check(value); err != nil {
		return fmt.Sprintf("var %s: gateways read files in %s and variables that begin with %s only, unless tenant_routing says more under references.",
			name, reference.DefaultDirectory, reference.DefaultEnvPrefix), nil
	}
	return "", nil
}
