// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk" // registers the format
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the format
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers the format
)

// packageNames are the packages, each with a description NAME.yaml.
func packageNames() []string {
	return []string{"otelcol-tenant", "otelcol-tenant-agent", "otelcol-tenant-gateway"}
}

// formats are the package formats.
func formats() []string { return []string{"deb", "rpm", "apk"} }

// writeAll writes every package for one architecture.
func writeAll(output, arch, folder string, v version, at time.Time) error {
	for _, format := range formats() {
		for _, name := range packageNames() {
			if err := write(output, name, format, arch, folder, v, at); err != nil {
				return fmt.Errorf("%s, %s, %s: %w", name, format, arch, err)
			}
		}
	}
	return nil
}

// write writes one package.
func write(output, name, format, arch, folder string, v version, at time.Time) error {
	role := strings.TrimPrefix(strings.TrimPrefix(name, "otelcol-tenant"), "-") // or ""
	group := "root"
	if role != "" && format != "deb" { // dpkg unpacks before the user exists
		group = name
	}
	zsh := "/usr/share/zsh/site-functions"
	if format == "deb" {
		zsh = "/usr/share/zsh/vendor-completions"
	}
	values := map[string]string{
		"ARCH": arch, "VERSION": v.core, "PRERELEASE": v.preOf(format), "FULL": v.full(format),
		"MAINTAINER": maintainer, "HOMEPAGE": homepage,
		"BIN": folder, "SBOM": folder, "STAGE": stage, "ZSH": zsh,
	}
	config, err := nfpm.ParseFileWithEnvMapping(filepath.Join(source, name+".yaml"), func(key string) string { return values[key] })
	if err != nil {
		return err
	}
	info, err := config.Get(format)
	if err != nil {
		return err
	}
	info.MTime = at
	info.Contents = append(info.Contents, documents(name, format)...)
	for _, c := range info.Contents {
		if c.FileInfo == nil {
			return fmt.Errorf("%s: there is no mode", c.Destination)
		}
		c.FileInfo.MTime = at
		c.FileInfo.Owner = "root"
		switch {
		case c.Destination == "/etc/otelcol-tenant/secrets", c.FileInfo.Group == "${GROUP}":
			c.FileInfo.Group = group
		default:
			c.FileInfo.Group = "root"
		}
	}
	if err := addScripts(info, role, format); err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	path := filepath.Join(output, packager.ConventionalFileName(info))
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := packager.Package(info, file); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// documents are the files that each package has, as Debian's policy requires.
func documents(name, format string) files.Contents {
	folder := "/usr/share/doc/" + name + "/"
	list := map[string]string{
		"copyright":    filepath.Join(source, "copyright"),
		"changelog.gz": filepath.Join(stage, "changelog.gz"),
	}
	switch format {
	case "deb":
		list["changelog.Debian.gz"] = filepath.Join(stage, name+".changelog.Debian.gz")
	default:
		list["LICENSE"] = "LICENSE"
	}
	var contents files.Contents
	for to, from := range list {
		kind, to := files.TypeFile, folder+to
		switch {
		case format == "rpm" && from == "LICENSE":
			kind, to = files.TypeRPMLicence, "/usr/share/licenses/"+name+"/LICENSE"
		case format == "rpm":
			kind = files.TypeRPMDoc
		}
		contents = append(contents, &files.Content{Source: from, Destination: to, Type: kind, FileInfo: &files.ContentFileInfo{Mode: 0o644}})
	}
	if format == "deb" {
		contents = append(contents, &files.Content{
			Source: filepath.Join(source, "lintian", name), Destination: "/usr/share/lintian/overrides/" + name,
			FileInfo: &files.ContentFileInfo{Mode: 0o644},
		})
	}
	return contents
}
