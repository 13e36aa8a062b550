// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryedit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/otelcol-tenant/otelcol-tenant/internal/registryedit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func ExampleDocument_Update() {
	doc, err := registryedit.NewDocument([]byte(`tenants:
  # Pays by invoice.
  - id: tenant-a
    name: A
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = doc.Update("tenant-a", func(t *tenant.Tenant) error {
		t.Name = "Tenant A Ltd"
		return nil
	})
	fmt.Print(string(doc.Bytes()), err)
	// Output:
	// tenants:
	//   # Pays by invoice.
	//   - id: tenant-a
	//     name: Tenant A Ltd
	// <nil>
}

func ExampleEdit() {
	dir, err := os.MkdirTemp("", "registry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "tenants.yaml")
	add := func(d *registryedit.Document) error {
		return d.Add(&tenant.Tenant{ID: "tenant-a", Status: tenant.StatusActive, Isolation: tenant.IsolationShared})
	}

	fmt.Println(errors.Is(registryedit.Edit(context.Background(), path, add), fs.ErrNotExist))
	fmt.Println(registryedit.EditOrCreate(context.Background(), path, add))

	data, err := os.ReadFile(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	snapshot, err := registryfile.Parse(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(snapshot.Tenant("tenant-a").Status)
	// Output:
	// true
	// <nil>
	// active
}
