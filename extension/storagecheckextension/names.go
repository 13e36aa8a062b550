package storagecheckextension

import (
	"regexp"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/boltfile"
)

// A file of file_storage is named after the component that it is for, or, if that
// name were too long, by its SHA-256.
var names = regexp.MustCompile(`^(?:(?:receiver|processor|exporter|extension|connector|other)_[A-Za-z0-9._~-]+|[0-9a-f]{64})$`)

// storageFile says whether a file is one of file_storage and not one set aside, by
// us or, with recreate, by it.
func storageFile(name string) bool {
	return names.MatchString(name) && !strings.HasSuffix(name, boltfile.AsideSuffix) && !strings.HasSuffix(name, boltfile.PoisonSuffix) && !strings.HasSuffix(name, ".backup")
}

// exporterQueue says whether a storage file is one of an exporter, other than those of
// tenant_routing, which sets single requests aside by itself.
func exporterQueue(name string) bool {
	return strings.HasPrefix(name, "exporter_") && !strings.HasPrefix(name, "exporter_tenant_routing_")
}
