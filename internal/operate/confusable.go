// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"fmt"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// twinError reports that two tenant IDs differ in case only.
type twinError [2]tenant.ID

func (e twinError) Error() string {
	return fmt.Sprintf("the IDs of tenants %s and %s differ in case only, and file systems that ignore case confuse them: choose another ID", e[0], e[1])
}

// checkTwin rejects an ID that differs from another one in case only.
func checkTwin(d *registryedit.Document, id tenant.ID) error {
	for _, t := range d.Tenants() {
		if t.ID != id && t.ID.Fold() == id.Fold() {
			return twinError{t.ID, id}
		}
	}
	return nil
}

// identityError reports that the name of an attribute looks like the attribute of
// the tenant's identity.
type identityError string

func (e identityError) Error() string {
	return fmt.Sprintf("attribute %q could be mistaken for %s, which only the gateway sets: choose another name", string(e), tenant.AttributeKey)
}
