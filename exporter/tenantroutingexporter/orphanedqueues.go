// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pipeline"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/storageclient"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// exporterHost is implemented by the collector's host.
type exporterHost interface {
	GetExporters() map[pipeline.Signal]map[component.ID]component.Component
}

// queueTypes are the types of exporters that this one replaces.
var queueTypes = [...]string{"otlp_http", "otlphttp"}

// warnOfOrphanedQueues logs the sending queues of OTLP exporters in the directory of storage that nothing
// delivers: the collector does not have such an exporter, and "migrate_queues" does not name it.
func (r *router) warnOfOrphanedQueues(host component.Host) {
	ext, err := storageclient.Find(host, "storage", *r.cfg.Storage)
	if err != nil || r.stateDir == "" {
		return
	}
	entries, err := os.ReadDir(r.stateDir)
	if err != nil {
		r.set.Logger.Warn("Failed to look for queues of other exporters", zap.String("directory", r.stateDir), zap.Error(err))
		return
	}
	known := r.knownQueues(host, ext)
	var files []string
	for _, e := range entries {
		if e.Type().IsRegular() && isQueueFile(e.Name()) && !known[e.Name()] {
			files = append(files, e.Name())
		}
	}
	if len(files) > 0 {
		r.set.Logger.Warn(fmt.Sprintf(`Storage has sending queues of exporters that this collector does not have; what they hold is not delivered. `+
			`List the exporters, such as %q, under "migrate_queues" of %q to deliver and remove the queues, or delete the files`, queueTypes[0], r.set.ID),
			zap.String("directory", r.stateDir), zap.Strings("files", files))
	}
}

// isQueueFile reports whether name is one that file_storage gives the sending queue of such an exporter.
func isQueueFile(name string) bool {
	for _, t := range queueTypes {
		rest, ok := strings.CutPrefix(name, "exporter_"+t+"_")
		if !ok {
			continue
		}
		for _, signal := range tenant.AllSignals() {
			if strings.HasSuffix(rest, "_"+signal.String()) {
				return true
			}
		}
	}
	return false
}

// knownQueues returns the names of the files that belong to an exporter of this collector, or that are
// migrated.
func (r *router) knownQueues(host component.Host, ext *storageclient.Extension) map[string]bool {
	known := make(map[string]bool)
	add := func(id component.ID, signal string) {
		if path, ok := ext.Locate(storageclient.Owner{Kind: component.KindExporter, ID: id}, signal); ok {
			known[filepath.Base(path)] = true
		}
	}
	for _, id := range r.cfg.MigrateQueues {
		for _, signal := range tenant.AllSignals() {
			add(id, signal.String())
		}
	}
	if h, ok := host.(exporterHost); ok {
		for signal, exporters := range h.GetExporters() {
			for id := range exporters {
				add(id, signal.String())
			}
		}
	}
	return known
}
