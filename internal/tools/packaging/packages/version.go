// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"regexp"
	"strings"
)

// release is the revision of the packages of one version.
const release = "1"

// version is a semantic version without build metadata.
type version struct {
	core       string // MAJOR.MINOR.PATCH
	prerelease string // such as dev or rc.1; may be empty
}

var versionForm = regexp.MustCompile(`^(\d+\.\d+\.\d+)(?:-((?:dev|alpha|beta|rc)(?:\.?\d+)?))?$`)

// parseVersion reads a version as in builder-config.yaml.
func parseVersion(text string) (version, error) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return version{}, fmt.Errorf("version %q is not MAJOR.MINOR.PATCH with an optional -dev, -alpha.N, -beta.N or -rc.N, which all package formats can order", text)
	}
	return version{m[1], m[2]}, nil
}

// preOf returns the prerelease in a package format. In deb and rpm it follows a tilde, which
// orders it before the release. Alpine knows only some words, and dev is not one of them.
func (v version) preOf(format string) string {
	if format != "apk" {
		return v.prerelease
	}
	return strings.ReplaceAll(strings.Replace(v.prerelease, "dev", "pre", 1), ".", "")
}

// full returns the whole version of a package, for dependencies on exactly this one.
func (v version) full(format string) string {
	text := v.core
	if pre := v.preOf(format); pre != "" {
		separator := "~"
		if format == "apk" {
			separator = "_"
		}
		text += separator + pre
	}
	if format == "apk" {
		return text + "-r" + release
	}
	return text + "-" + release
}
