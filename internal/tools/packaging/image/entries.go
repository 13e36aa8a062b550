// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user runs the image. Its number is part of the image's contract: volumes belong to it.
const user = 10001

// state is the folder of the archive, queues and the audit log.
const state = "var/lib/otelcol-tenant"

// entry is a file or a folder of the image.
type entry struct {
	path    string // without a leading slash
	mode    fs.FileMode
	owner   int    // user and group
	content []byte // of a file
}

// layer is a group of files that change together.
type layer []entry

// entriesOf returns the layers of the image: what rarely changes is first.
func entriesOf(root string, b binaries) ([]layer, error) {
	read := func(path string) entryContent {
		return func() ([]byte, error) { return os.ReadFile(filepath.Join(root, path)) }
	}
	var err error
	file := func(path string, mode fs.FileMode, content entryContent) entry {
		e := entry{path: path, mode: mode}
		if err == nil {
			e.content, err = content()
		}
		return e
	}
	text := func(text string) entryContent { return func() ([]byte, error) { return []byte(text), nil } }
	folder := func(path string) entry { return entry{path: path, mode: fs.ModeDir | 0o755} }

	system := layer{
		folder("etc"), folder("etc/otelcol-tenant"), folder("etc/ssl"), folder("etc/ssl/certs"),
		file("etc/passwd", 0o644, text("root:x:0:0:root:/:/sbin/nologin\notelcol-tenant:x:10001:10001:otelcol-tenant:/:/sbin/nologin\n")),
		file("etc/group", 0o644, text("root:x:0:\notelcol-tenant:x:10001:\n")),
		file("etc/ssl/certs/ca-certificates.crt", 0o644, certificates),
		{path: "tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777},
		folder("var"), folder("var/lib"),
		{path: state, mode: fs.ModeDir | 0o755, owner: user},
	}
	product := layer{
		file("etc/otelcol-tenant/config.yaml", 0o644, read("distributions/gateway/config.yaml")),
		folder("licenses"),
		file("licenses/LICENSE", 0o644, read("LICENSE")),
		file("licenses/THIRD_PARTY_NOTICES.txt", 0o644, read("_build/THIRD_PARTY_NOTICES.txt")),
		file("otelcol-tenant", 0o755, read(filepath.Join(b.folder, "otelcol-tenant"))),
		folder("sbom"),
		file("sbom/otelcol-tenant.cdx.json", 0o644, read(filepath.Join(b.folder, "otelcol-tenant.cdx.json"))),
		file("sbom/tenantctl.cdx.json", 0o644, read(filepath.Join(b.folder, "tenantctl.cdx.json"))),
		file("tenantctl", 0o755, read(filepath.Join(b.folder, "tenantctl"))),
	}
	return []layer{system, product}, err
}

// entryContent returns the content of a file.
type entryContent func() ([]byte, error)

// certificates returns the root certificates that the module golang.org/x/crypto/x509roots
// pins, so that they do not depend on the machine. It leaves out those that are trusted with
// constraints, which the file cannot express.
func certificates() ([]byte, error) {
	var b bytes.Buffer
	for r := range bundle.Roots() {
		if r.Constraint != nil {
			continue
		}
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate}); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
