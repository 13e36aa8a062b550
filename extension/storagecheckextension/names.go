// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package storagecheckextension

import (
	"regexp"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
)

// names matches the names of the files of file_storage: the component of the file, or its SHA-256
// if that name is too long.
var names = regexp.MustCompile(`^(?:(?:receiver|processor|exporter|extension|connector|other)_[A-Za-z0-9._~-]+|[0-9a-f]{64})$`)

// storageFile reports whether a file belongs to file_storage and was not set aside, by this
// extension or, with "recreate", by file_storage.
func storageFile(name string) bool {
	return names.MatchString(name) && !strings.HasSuffix(name, boltfile.AsideSuffix) && !strings.HasSuffix(name, boltfile.PoisonSuffix) && !strings.HasSuffix(name, ".backup")
}

// exporterQueue reports whether a storage file is the queue of an exporter other than
// tenant_routing, which sets single requests aside itself.
func exporterQueue(name string) bool {
	return strings.HasPrefix(name, "exporter_") && !strings.HasPrefix(name, "exporter_tenant_routing_")
}
