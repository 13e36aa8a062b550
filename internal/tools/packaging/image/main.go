// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Command image writes the container image of otelcol-tenant without a daemon.
//
//	image -root DIR -version VERSION -revision COMMIT -time SECONDS -output DIR -arch ARCH=DIR...
//	image -tree -root DIR -output DIR -arch ARCH=DIR
//
// Each -arch names an architecture and the folder with its binaries and their SBOMs. The
// first form writes an OCI layout with one image for each architecture and a docker archive
// for each. The second form writes the files of the image to a folder, for the Dockerfile:
// so both have the same content. The same input gives the same bytes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// settings are the flags.
type settings struct {
	root, version, revision, output string
	at                              time.Time
	archs                           []binaries
}

// binaries is the folder with the binaries for an architecture.
type binaries struct{ arch, folder string }

func main() {
	var set settings
	flag.StringVar(&set.root, "root", ".", "root of the source tree")
	flag.StringVar(&set.version, "version", "", "version of the image")
	flag.StringVar(&set.revision, "revision", "", "commit of the source")
	flag.StringVar(&set.output, "output", "_build/image", "folder to write")
	seconds := flag.Int64("time", 0, "time of the image and its files, in seconds since 1970: that of the commit")
	tree := flag.Bool("tree", false, "write the files only")
	flag.Func("arch", "ARCH=DIR, an architecture and the folder with its binaries; may be repeated", func(text string) error {
		arch, folder, ok := strings.Cut(text, "=")
		if !ok || arch == "" || folder == "" {
			return errors.New("must be ARCH=DIR")
		}
		set.archs = append(set.archs, binaries{arch, folder})
		return nil
	})
	flag.Parse()
	set.at = time.Unix(*seconds, 0).UTC()
	if err := run(set, *tree); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(set settings, tree bool) error {
	if len(set.archs) == 0 {
		return errors.New("no -arch")
	}
	if set.at.Unix() <= 0 {
		return errors.New("-time must be the time of the commit, in seconds since 1970")
	}
	if tree {
		return writeTree(set)
	}
	if set.version == "" {
		return errors.New("no -version")
	}
	return writeImages(set)
}
