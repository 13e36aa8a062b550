// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command packages writes the packages of otelcol-tenant for Debian, for distributions with
// RPM, and for Alpine Linux.
//
//	packages -root DIR -version VERSION -time SECONDS -host DIR -output DIR -arch ARCH=DIR...
//
// It reads distributions/packages below the root. -host is the folder with the binaries that
// run on this machine: they print the completion and the text of the manual. Each -arch names
// an architecture and the folder with its binaries and their SBOMs. The same input gives
// the same bytes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// binaries are the folders with the binaries by architecture, in the order of the flags.
type binaries []struct{ arch, folder string }

// String implements flag.Value.
func (b *binaries) String() string { return fmt.Sprint(*b) }

// Set implements flag.Value.
func (b *binaries) Set(text string) error {
	arch, folder, ok := strings.Cut(text, "=")
	if !ok || arch == "" || folder == "" {
		return errors.New("must be ARCH=DIR")
	}
	*b = append(*b, struct{ arch, folder string }{arch, folder})
	return nil
}

func main() {
	var (
		root    = flag.String("root", ".", "root of the source tree")
		version = flag.String("version", "", "version in builder-config.yaml")
		seconds = flag.Int64("time", 0, "time of all files, in seconds since 1970: that of the commit")
		host    = flag.String("host", "_build", "folder with the binaries for this machine")
		output  = flag.String("output", "_build/packages", "folder of the packages")
		bins    binaries
	)
	flag.Var(&bins, "arch", "ARCH=DIR, an architecture and the folder with its binaries; may be repeated")
	flag.Parse()
	if err := run(*root, *version, *host, *output, time.Unix(*seconds, 0).UTC(), bins); err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

// run writes all packages.
func run(root, version, host, output string, at time.Time, bins binaries) error {
	if len(bins) == 0 {
		return errors.New("no -arch")
	}
	if at.Unix() <= 0 {
		return errors.New("-time must be the time of the commit, in seconds since 1970")
	}
	v, err := parseVersion(version)
	if err != nil {
		return err
	}
	// The paths in the descriptions of the packages are relative to the root.
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := prepare(host, v, at); err != nil {
		return err
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return err
	}
	for _, b := range bins {
		if err := writeAll(output, b.arch, b.folder, v, at); err != nil {
			return err
		}
	}
	return nil
}
