// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
)

func TestDefaults_AreWithinTheirBounds(t *testing.T) {
	assert.GreaterOrEqual(t, DefaultMemory(), int64(capacity.MinMemory))
	assert.LessOrEqual(t, DefaultMemory(), int64(capacity.MaxMemory))
	assert.Positive(t, DefaultConnections())
	assert.LessOrEqual(t, DefaultConnections(), maxConnections)
}

func TestMemoryLimit_IsTheSmallestOfTheControlGroups(t *testing.T) {
	machine, _ := memoryLimitAt(t, nil)
	require.Positive(t, machine)
	for name, tt := range map[string]struct {
		files map[string]string
		want  int64 // 0: the machine's
	}{
		"version 2":             {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1048576\n"}, 1 << 20},
		"version 2, parent":     {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "2097152\n"}, 2 << 20},
		"version 2, container":  {map[string]string{"proc/self/cgroup": "0::/docker/x\n", "sys/fs/cgroup/memory.max": "1048576\n"}, 1 << 20},
		"version 2, no limit":   {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 0},
		"version 1":             {map[string]string{"proc/self/cgroup": "3:cpu,cpuacct:/x\n4:memory:/a\n0::/\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1048576\n"}, 1 << 20},
		"version 1, no limit":   {map[string]string{"proc/self/cgroup": "4:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"other text":            {map[string]string{"proc/self/cgroup": "nonsense\n\n1:2\n"}, 0},
		"a limit of other text": {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "-5\n"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, cgroup := memoryLimitAt(t, tt.files)
			assert.Equal(t, tt.want != 0, cgroup)
			if tt.want == 0 {
				tt.want = machine
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func memoryLimitAt(t *testing.T, files map[string]string) (int64, bool) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	return memoryLimit(root)
}
