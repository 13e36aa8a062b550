// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func testBrokenConnection(t *testing.T, d *database) {
	d.create(twoTenants)
	err := Edit(t.Context(), d.cfg, Options{}, func(doc *registryedit.Document) error {
		d.exec("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()")
		return doc.Add(&tenant.Tenant{ID: "c", Status: tenant.StatusActive, Isolation: "shared"})
	})
	require.ErrorContains(t, err, "the connection to the "+d.cfg.String()+" broke: ")
	text, err := Read(t.Context(), d.cfg)
	require.NoError(t, err)
	require.Equal(t, twoTenants, string(text))
}
