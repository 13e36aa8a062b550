// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
)

// addScripts assembles the maintainer scripts of a package from distributions/packages/scripts.
func addScripts(info *nfpm.Info, role, format string) error {
	if role == "" {
		if format != "deb" {
			return nil
		}
		path, err := script(info, role, format, "remove-folder", "remove-folder", nil)
		info.Scripts.PostRemove = path
		return err
	}
	for name, to := range map[string]*string{
		"preinstall": &info.Scripts.PreInstall, "postinstall": &info.Scripts.PostInstall,
		"preremove": &info.Scripts.PreRemove, "postremove": &info.Scripts.PostRemove,
	} {
		if name == "preinstall" && format == "deb" {
			continue // the dependency adduser may not be there yet
		}
		var err error
		if *to, err = script(info, role, format, name, name, nil, "role"); err != nil {
			return err
		}
	}
	if format == "apk" {
		var err error
		info.APK.Scripts.PostUpgrade, err = script(info, role, format, "postupgrade", "postinstall", []string{"set -- upgrade"}, "role")
		return err
	}
	return nil
}

// script writes a script that consists of the variables, the parts and the body, and returns
// its path.
func script(info *nfpm.Info, role, format, name, body string, first []string, parts ...string) (string, error) {
	var b strings.Builder
	b.WriteString("#!/bin/sh\nset -e\n")
	if role != "" {
		fmt.Fprintf(&b, "format=%s\nrole=%s\n", format, role)
	}
	for _, line := range first {
		b.WriteString(line + "\n")
	}
	for _, part := range append(parts, body) {
		text, err := os.ReadFile(filepath.Join(source, "scripts", part+".sh"))
		if err != nil {
			return "", err
		}
		b.Write(text)
	}
	if role == "" {
		role = "all"
	}
	path := filepath.Join(stage, "scripts", strings.Join([]string{role, format, name}, "-"))
	if err := os.WriteFile(path, []byte(b.String()), 0o755); err != nil {
		return "", err
	}
	return path, os.Chtimes(path, info.MTime, info.MTime) // an apk contains it
}
