// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/compress"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/lastend"
	"github.com/otelcol-tenant/otelcol-tenant/internal/storageclient"
)

const (
	poisonFolder = "poison"
	poisonSuffix = ".binpb"

	// Bounds of the payloads that are set aside, for all tenants. The oldest is removed.
	maxPoisonFiles = 64
	maxPoisonBytes = 256 << 20
)

// lastEnd returns how the last process ended: as an extension reports it, or from the record in the storage
// directory.
func (r *router) lastEnd(host component.Host, ext *storageclient.Extension) lastend.End {
	path, ok := ext.Locate(storageclient.Owner{Kind: component.KindExporter, ID: r.set.ID}, "")
	if ok {
		r.stateDir = filepath.Dir(path)
	}
	if end, known := lastend.Find(host); known || !ok {
		return end
	}
	run, end, err := lastend.Open(r.stateDir, "last_"+filepath.Base(path))
	if err != nil {
		r.set.Logger.Warn("Failed to find out how the last process ended; data that crashes the process repeatedly is not set aside", zap.Error(err))
		return end
	}
	r.run = run
	if end.Kind.Own() {
		r.set.Logger.Error("The last process crashed. Queued data is sent in small batches, and recorded while it is sent",
			zap.String("kind", string(end.Kind)), zap.String("words", end.Words))
	}
	return end
}

// quarantine sets aside a payload that crashed several processes that sent it, without decoding it.
func (r *router) quarantine(ctx context.Context, sched *lane.Scheduler, part lane.Part) {
	p := part.Payload
	path, err := r.keepPoison(ctx, p)
	for _, route := range part.Routes {
		sched.Quarantine(lane.Key{Tenant: p.Tenant, Destination: route.Destination, Signal: p.Signal}, p.Records, err == nil)
	}
	fields := []zap.Field{
		zap.String("tenant", string(p.Tenant)), zap.Stringer("signal", p.Signal), zap.Int("records", p.Records), zap.Int("bytes", p.Size),
	}
	if err != nil {
		r.set.Logger.Error("Failed to set aside a request that crashed the process repeatedly; it is dropped", append(fields, zap.Error(err))...)
	} else {
		r.set.Logger.Error("Set aside a request that crashed the process repeatedly. The file is an encoded OTLP request: remove it, or send it to a backend by other means",
			append(fields, zap.String("file", path))...)
	}
	for _, route := range part.Routes {
		r.store.Release([]*lane.Payload{p}, route.Destination)
	}
}

func (r *router) keepPoison(ctx context.Context, p *lane.Payload) (path string, err error) {
	data, err := r.store.Read(ctx, []*lane.Payload{p})
	if err != nil {
		return "", err
	}
	if data[0] == nil {
		return "", errors.New("it cannot be read back")
	}
	plain, err := compress.Expand(data[0])
	if err != nil {
		return "", err
	}
	dir := r.stateDir
	if r.cfg.DeadLetter.HasValue() {
		dir = r.cfg.DeadLetter.Get().Directory
	}
	if dir == "" {
		return "", errors.New("there is no folder for it: set dead_letter::directory")
	}
	dir = filepath.Join(dir, poisonFolder)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	if err := prunePoison(dir, int64(len(plain))); err != nil {
		return "", err
	}
	path = filepath.Join(dir, fmt.Sprintf("%s_%s_%s_%016x%s", time.Now().UTC().Format("20060102T150405Z"), p.Tenant, p.Signal, p.StoreID, poisonSuffix))
	return path, writeSynced(path, plain)
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// prunePoison removes the oldest files until a file of size bytes may be added.
func prunePoison(dir string, size int64) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !strings.HasSuffix(e.Name(), poisonSuffix) })
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) }) // begins with the time
	sizes := make([]int64, len(entries))
	for i, e := range entries {
		if info, err := e.Info(); err == nil {
			sizes[i] = info.Size()
			size += info.Size()
		}
	}
	for i, e := range entries {
		if size <= maxPoisonBytes && len(entries)-i < maxPoisonFiles {
			return nil
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
		size -= sizes[i]
	}
	return nil
}
