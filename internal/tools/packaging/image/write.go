// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tag is the name of the image in docker archives, without a registry.
const tag = "otelcol-tenant"

// writeImages writes the OCI layout and the docker archives.
func writeImages(set settings) error {
	folder := filepath.Join(set.output, "oci")
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(set.output, 0o755); err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range set.archs {
		image, err := imageOf(set, b)
		if err != nil {
			return fmt.Errorf("%s: %w", b.arch, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: b.arch}},
		}).(v1.ImageIndex)
		ref, err := name.NewTag(tag + ":" + set.version)
		if err != nil {
			return err
		}
		archive := filepath.Join(set.output, fmt.Sprintf("otelcol-tenant_%s_linux_%s.docker.tar", set.version, b.arch))
		if err := tarball.WriteToFile(archive, ref, image); err != nil {
			return err
		}
		fmt.Println(archive)
	}
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	fmt.Println(folder)
	return path.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": set.version}))
}

// imageOf returns the image for one architecture.
func imageOf(set settings, b binaries) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	groups, err := entriesOf(set.root, b)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		content, err := tarOf(group, set.at)
		if err != nil {
			return nil, err
		}
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
			tarball.WithCompressionLevel(gzip.DefaultCompression), tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
		if err != nil {
			return nil, err
		}
		if image, err = mutate.Append(image, mutate.Addendum{Layer: l, History: v1.History{Created: v1.Time{Time: set.at}, CreatedBy: "make image"}}); err != nil {
			return nil, err
		}
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = "linux", b.arch, v1.Time{Time: set.at}
	file.Config = configOf(set)
	return mutate.ConfigFile(image, file)
}

// configOf returns how the image runs. The Dockerfile states the same; a test compares them.
func configOf(set settings) v1.Config {
	return v1.Config{
		User:       "10001:10001",
		Entrypoint: []string{"/otelcol-tenant"},
		Cmd:        []string{"--config", "/etc/otelcol-tenant/config.yaml"},
		WorkingDir: "/",
		Env: []string{
			"PATH=/",
			// Per-tenant metrics exceed the SDK's default limit of series per metric.
			"OTEL_GO_X_CARDINALITY_LIMIT=0",
		},
		Volumes:      map[string]struct{}{"/" + state: {}},
		ExposedPorts: map[string]struct{}{"3100/tcp": {}, "4317/tcp": {}, "4318/tcp": {}, "8888/tcp": {}, "13133/tcp": {}, "19291/tcp": {}},
		// A process that does not answer is restarted. /health is for readiness.
		Healthcheck: &v1.HealthConfig{
			Test: []string{"CMD", "/tenantctl", "health", "--live"}, Interval: 30 * time.Second, Timeout: 10 * time.Second,
			StartPeriod: 30 * time.Second, Retries: 3,
		},
		Labels: map[string]string{
			"org.opencontainers.image.title":       "otelcol-tenant",
			"org.opencontainers.image.description": "OpenTelemetry Collector distribution that keeps tenants apart",
			"org.opencontainers.image.source":      "https://github.com/otelcol-tenant/otelcol-tenant",
			"org.opencontainers.image.licenses":    "MIT",
			"org.opencontainers.image.version":     set.version,
			"org.opencontainers.image.revision":    set.revision,
			"org.opencontainers.image.created":     set.at.Format(time.RFC3339),
		},
	}
}

// tarOf returns the uncompressed archive of a layer.
func tarOf(group layer, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range group {
		h := &tar.Header{
			Name: e.path, Mode: int64(e.mode.Perm()), Uid: e.owner, Gid: e.owner, ModTime: at, Typeflag: tar.TypeReg, Size: int64(len(e.content)),
			Format: tar.FormatPAX,
		}
		if e.mode.IsDir() {
			h.Typeflag, h.Name = tar.TypeDir, e.path+"/"
		}
		if e.mode&fs.ModeSticky != 0 {
			h.Mode |= 0o1000
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
