// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSignozStack_Labels refuses labels whose names of services, networks and volumes are those of
// another label or of the stack.
func TestSignozStack_Labels(t *testing.T) {
	t.Parallel()
	s := newSignozStack(t)
	stackCertificate(t, s.path("tls", "tls.crt"), s.path("tls", "tls.key"))
	s.run("up.sh")
	suffixes := map[string]bool{}
	for _, found := range regexp.MustCompile(`signoz-@LABEL@-([a-z-]+)`).FindAllStringSubmatch(s.read("config", "signoz", "template.yaml"), -1) {
		suffixes[found[1]] = true
	}
	labels := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^  signoz-([a-z]+)`).FindAllStringSubmatch(s.read("compose.yaml"), -1) {
		labels[found[1]] = true
	}
	require.Subset(t, suffixes, map[string]bool{"clickhouse": true, "store": true})
	require.Subset(t, labels, map[string]bool{"shared": true})
	s.run("create-tenant.sh", "acme", "--isolation", "dedicated")
	before := s.files()
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		out, err := s.try("create-tenant.sh", "t", "--label", label)
		require.Error(t, err, label)
		assert.Contains(t, out, "part of the stack")
	}
	for _, suffix := range slices.Sorted(maps.Keys(suffixes)) {
		for _, args := range [][]string{{"acme-" + suffix}, {"Acme." + suffix, "--isolation", "dedicated"}, {"t", "--label", "shared-" + suffix}} {
			out, err := s.try("create-tenant.sh", args...)
			require.Error(t, err, args)
			assert.Contains(t, out, "ends in \"-"+suffix+"\"", args)
		}
		// A tenant that an earlier version created.
		s.write("instances/bolt-"+suffix+".tenant", "bolt-"+suffix+"\n")
		out, err := s.try("create-tenant.sh", "bolt", "--isolation", "dedicated")
		require.Error(t, err, suffix)
		assert.Contains(t, out, "would have")
		out, err = s.try("create-tenant.sh", "bolt-"+suffix, "--isolation", "dedicated")
		require.Error(t, err, suffix)
		assert.Contains(t, out, "ends in")
		s.run("create-tenant.sh", "bolt-"+suffix)
		require.NoError(t, os.Remove(s.path("instances", "bolt-"+suffix+".tenant")))
	}
	for path, text := range before {
		if !strings.Contains(path, "registry") {
			assert.Equal(t, text, s.files()[path], path)
		}
	}
	s.run("create-tenant.sh", "store")
}
