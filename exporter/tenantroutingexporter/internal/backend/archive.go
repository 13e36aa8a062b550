// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/archive"
	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
)

type archiveTarget struct{ *site }

var _ lane.Target = (*archiveTarget)(nil)

type archiveClient struct{ archive *archive.Archive }

func (c *archiveClient) close() error { return c.archive.Close() }

// Bounds implements lane.Target. One batch at a time keeps a file in order.
func (*archiveTarget) Bounds() lane.Bounds { return lane.Bounds{Concurrency: 1} }

// Send implements lane.Target.
func (t *archiveTarget) Send(_ context.Context, b *lane.Batch) lane.Result {
	return t.attempt(func() lane.Result { return t.attemptOnce(b) })
}

func (t *archiveTarget) attemptOnce(b *lane.Batch) lane.Result {
	f, err := t.fill()
	if err != nil {
		return shown(misconfigured(err))
	}
	return shown(t.send(b, f), &f.secrets)
}

func (t *archiveTarget) send(b *lane.Batch, f *filled) lane.Result {
	d := t.destination
	directory, err := d.confined.resolve(f.endpoint)
	if errors.As(err, new(settingError)) {
		return misconfigured(err)
	}
	if err != nil {
		return fileResult(err)
	}
	c, done, err := d.pool.use("archive\x01"+filepath.Clean(directory), func() (client, error) {
		a, err := archive.Open(archive.Settings{
			Directory: directory, MaxFileBytes: d.archive.MaxFileBytes, MaxOpenFiles: d.archive.MaxOpenFiles,
			Compress: d.archive.Compression == ArchiveCompressionZstd, Sync: d.archive.Fsync,
			Reserve: d.archive.Reserve,
		})
		return &archiveClient{a}, err
	})
	if err != nil {
		return fileResult(err)
	}
	defer done()
	err = c.(*archiveClient).archive.AppendFrom(archive.Folder(b.Key.Tenant, t.signal, b.Oldest()), func(w io.Writer) error {
		return writeLines(w, t.signal, b.Payloads)
	})
	switch {
	case Undecodable(err):
		return undecodable(err)
	case err != nil:
		return fileResult(err)
	}
	return lane.Result{Verdict: lane.Delivered}
}

// fileResult is the result of an attempt that failed to write a file. err names the directory.
func fileResult(err error) lane.Result {
	res := lane.Result{Verdict: lane.Retry, Reason: "write", Err: fmt.Errorf("archive: %w", err), Class: healthboard.AnswerLocal}
	if diskspace.IsFull(err) {
		res.Reason = "disk_full"
	}
	return res
}
