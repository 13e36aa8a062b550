// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package layout

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxFile is more than any file that people or generators write for this repository.
const maxFile = 2 << 20

// TestFiles_OfTheRepository fails for what is committed by mistake: links, which lead to
// places that other machines do not have, and build output.
func TestFiles_OfTheRepository(t *testing.T) {
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("this is no clone: %v", err) // an archive of the sources
	}
	names := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	require.Greater(t, len(names), 500)
	for _, name := range names {
		info, err := os.Lstat(filepath.Join("../..", name))
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		require.NoError(t, err)
		assert.True(t, info.Mode().IsRegular(), "%s is not a regular file", name)
		assert.LessOrEqual(t, info.Size(), int64(maxFile), "%s: is it build output?", name)
	}
}
