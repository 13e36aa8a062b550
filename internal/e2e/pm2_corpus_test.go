// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/pm2corpus"
)

// corpus is the folder of log files that a real PM2 wrote. A new file with its expectation
// is a new case.
var corpus = filepath.Join(root, "testdata", "pm2")

// TestPM2Corpus puts every log file of the corpus into one PM2 home and requires that the
// tenant's archive matches the expectations exactly: lines, streams, process IDs, levels,
// times, trace IDs.
func TestPM2Corpus(t *testing.T) {
	t.Parallel()
	files, err := pm2corpus.Files(corpus)
	require.NoError(t, err)
	checkCorpus(t, files)
}

// TestPM2Corpus_CombinedFileAlone reads a combined file without the sibling files that have
// the same records.
func TestPM2Corpus_CombinedFileAlone(t *testing.T) {
	t.Parallel()
	files, err := pm2corpus.Files(corpus)
	require.NoError(t, err)
	combined := slices.DeleteFunc(files, func(file string) bool { return !repeats(files, file) })
	require.NotEmpty(t, combined, "the corpus has no combined file")
	checkCorpus(t, combined)
}

// repeats reports whether the file contains the records of two other files.
func repeats(files []string, file string) bool {
	base := strings.TrimSuffix(file, ".log")
	return slices.Contains(files, base+"-out.log") && slices.Contains(files, base+"-error.log")
}

// checkCorpus delivers the files from a separate home and compares the result.
func checkCorpus(t *testing.T, files []string) {
	home := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, "logs"), 0o700))
	expected := map[string][]pm2corpus.Expected{}
	for _, file := range files {
		name := filepath.Base(file)
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(home, "logs", name), raw, 0o600))
		if repeats(files, file) {
			expected[name] = nil // the other two files have its records
			continue
		}
		expected[name], err = pm2corpus.Load(file)
		require.NoError(t, err)
	}
	got := deliver(t, home, expected)
	for name := range got {
		assert.Contains(t, expected, name, "nothing was to come from this file")
	}
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		t.Run(name, func(t *testing.T) {
			r := pm2corpus.Compare(expected[name], got[name])
			assert.True(t, r.OK(), r.String())
		})
	}
}

// deliver runs an agent on the home until it has delivered the expected amount, stops it
// and its gateway, and returns everything that arrived.
func deliver(t *testing.T, home string, expected map[string][]pm2corpus.Expected) map[string][]pm2corpus.Line {
	t.Helper()
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "shop")
	g := startGateway(t, reg, inOrder()...)
	a := startAgent(t, g, reg, "shop", home, exact()...)
	got := newArrivals(t, g, "shop")
	got.await(expected, 30*time.Second)
	a.stop()
	g.stop()
	got.poll()
	t.Logf("%d records of %d files", got.total, len(got.lines))
	return got.lines
}
