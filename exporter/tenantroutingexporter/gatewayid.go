// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/backend"
)

// gatewayIDLength is enough for a thousand gateways: two have the same ID once in two
// million fleets of that size.
const gatewayIDLength = 8

// gatewayID returns the ID that distinguishes the totals of this gateway from those of others. It is empty
// if no destination needs it.
func (r *router) gatewayID(destinations map[string]*backend.Destination) string {
	needed := false
	for _, d := range destinations {
		needed = needed || d.Cumulative()
	}
	c := &r.cfg.Delta
	if !needed || c.GatewayAttribute == "" || c.GatewayID != "" {
		return c.GatewayID
	}
	if r.stateDir == "" {
		r.set.Logger.Warn("Delta metrics that are converted to cumulative ones start new time series at each start of this gateway; set delta_to_cumulative::gateway_id, or use file_storage under storage")
		return newGatewayID()
	}
	id, err := keptGatewayID(filepath.Join(r.stateDir, gatewayIDFile(r.set.ID)))
	if err != nil {
		r.set.Logger.Warn("Failed to save the ID of this gateway; delta metrics that are converted to cumulative ones start new time series at its next start", zap.Error(err))
	}
	return id
}

// gatewayIDFile returns a name that no storage extension uses.
func gatewayIDFile(id component.ID) string {
	return "gateway_id_" + strings.NewReplacer("/", "_", "\\", "_").Replace(id.String()) + ".txt"
}

// keptGatewayID returns the ID in the file at path, or a new one that it writes there. With an error it
// returns a new one that is not saved.
func keptGatewayID(path string) (string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // beside the queue files
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return newGatewayID(), err
	}
	if id := strings.TrimSpace(string(text)); isGatewayID(id) {
		return id, nil
	}
	id := newGatewayID()
	return id, writeSynced(path, []byte(id+"\n"))
}

func isGatewayID(s string) bool {
	return len(s) == gatewayIDLength && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

func newGatewayID() string { return strings.ToLower(rand.Text())[:gatewayIDLength] }
