package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWrongConfigs runs `otelcol-tenant validate` on every file of
// testdata/wrong. The first lines of a file, "# want: …", are texts that the
// user must be shown; one of them names the key.
func TestWrongConfigs(t *testing.T) {
	binary := built(t, "otelcol-tenant")
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 25)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			var wants []string
			for line := range strings.Lines(string(raw)) {
				if want, ok := strings.CutPrefix(strings.TrimSpace(line), "# want: "); ok {
					wants = append(wants, want)
				}
			}
			require.NotEmpty(t, wants, "the file does not say what the user must be shown")
			cmd := exec.Command(binary, "validate", "--config", file, "--config", "testdata/wrong/frame/frame.yaml")
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "it was found valid:\n%s", out)
			for _, want := range wants {
				assert.Contains(t, string(out), want)
			}
			assert.NotContains(t, string(out), "panic")
		})
	}
}

// TestFrameOfWrongConfigs makes sure that what the wrong configurations add to
// is right by itself.
func TestFrameOfWrongConfigs(t *testing.T) {
	out, err := exec.Command(built(t, "otelcol-tenant"), "validate", "--config", "testdata/wrong/frame/frame.yaml").CombinedOutput()
	require.NoError(t, err, string(out))
}

// TestShippedConfigs validates what users are given, with what they must set.
func TestShippedConfigs(t *testing.T) {
	binary := built(t, "otelcol-tenant")
	for _, name := range []string{"agent", "gateway"} {
		cmd := exec.Command(binary, "validate", "--config", filepath.Join(root, "distributions", name, "config.yaml"))
		cmd.Env = append(os.Environ(), "BUSINESS_ID=tenant-a", "TENANT_KEY=obs_kabcd234_0123456789ABCDEFGHIJKLMNOPQRSTUV0IwPIR",
			"GATEWAY_ENDPOINT=http://127.0.0.1:4318", "STATE_DIR="+t.TempDir(), "DATA_DIR="+t.TempDir())
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%s: %s", name, out)
	}
}
