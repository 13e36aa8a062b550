// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWrongConfigs runs `otelcol-tenant validate` on every file of testdata/wrong. The
// first lines of a file, "# want: …", are texts that the output must contain; one of them
// names the key.
func TestWrongConfigs(t *testing.T) {
	t.Parallel()
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

// TestFrameOfWrongConfigs requires that the configuration that the wrong ones extend is
// valid by itself.
func TestFrameOfWrongConfigs(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(built(t, "otelcol-tenant"), "validate", "--config", "testdata/wrong/frame/frame.yaml").CombinedOutput()
	require.NoError(t, err, string(out))
}

// TestShippedConfigs validates the shipped configurations, with the required variables set.
func TestShippedConfigs(t *testing.T) {
	t.Parallel()
	binary := built(t, "otelcol-tenant")
	for _, name := range []string{"agent", "gateway"} {
		cmd := exec.Command(binary, "validate", "--config", filepath.Join(root, "distributions", name, "config.yaml"))
		cmd.Env = append(os.Environ(), "BUSINESS_ID=tenant-a", "TENANT_KEY=obs_kabcd234_0123456789ABCDEFGHIJKLMNOPQRSTUV0IwPIR",
			"GATEWAY_ENDPOINT=http://127.0.0.1:4318", "STATE_DIR="+t.TempDir(), "DATA_DIR="+t.TempDir())
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%s: %s", name, out)
	}
}

// TestShippedConfigs_Environment starts the shipped configurations with each variable set
// to an invalid value: empty, as from an unset shell variable, or the service link that
// Kubernetes makes of a Service with that name. None may start with an unintended address,
// folder or key.
func TestShippedConfigs_Environment(t *testing.T) {
	t.Parallel()
	const link = "tcp://10.0.0.1:8888"
	binary := built(t, "otelcol-tenant")
	for config, cases := range map[string]map[string]string{ // texts of the error, by variable and value
		"gateway": {
			"OTLP_GRPC_ENDPOINT=": `"grpc::endpoint" is empty`, "OTLP_HTTP_ENDPOINT=": `"http::endpoint" is empty`, "HEALTH_ENDPOINT=": `"endpoint" is required`,
			"METRICS_PORT=": "port must be specified", "METRICS_HOST=": "host must be specified", "STATE_DIR=": "file_storage", "DATA_DIR=": "directory: must be set",
			"TENANTS_FILE=": `"file::path"`, "METRICS_PORT=" + link: "Kubernetes sets a variable such as METRICS_PORT",
			"OTLP_GRPC_ENDPOINT=" + link: "is not a host and port", "OTLP_HTTP_ENDPOINT=" + link: "is not a host and port",
			"REMOTE_WRITE_ENDPOINT=": `"endpoint" is empty`, "REMOTE_WRITE_ENDPOINT=" + link: "is not a host and port",
			"LOKI_PUSH_ENDPOINT=": `"endpoint" is empty`, "LOKI_PUSH_ENDPOINT=" + link: "is not a host and port",
			"DIRECT=" + link: "takes no requests that are not decoded",
		},
		"agent": {
			"OTLP_GRPC_ENDPOINT=": `"grpc::endpoint" is empty`, "OTLP_HTTP_ENDPOINT=": `"http::endpoint" is empty`,
			"METRICS_PORT=": "port must be specified", "STATE_DIR=": "directory", "BUSINESS_ID=": "business_id", "TENANT_KEY=": "key", "GATEWAY_ENDPOINT=": "endpoint",
			"METRICS_PORT=" + link: "Kubernetes sets a variable such as METRICS_PORT", "OTLP_HTTP_ENDPOINT=" + link: "is not a host and port",
		},
	} {
		for setting, want := range cases {
			t.Run(config+"/"+setting, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				free := addresses(t, 4)
				dir := t.TempDir()
				path, err := filepath.Abs(filepath.Join(root, "distributions", config, "config.yaml"))
				require.NoError(t, err)
				cmd := exec.CommandContext(ctx, binary, "--config", path)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "BUSINESS_ID=tenant-a", "TENANT_KEY=obs_kabcd234_0123456789ABCDEFGHIJKLMNOPQRSTUV0IwPIR",
					"GATEWAY_ENDPOINT=http://127.0.0.1:4318", "STATE_DIR="+filepath.Join(dir, "state"), "DATA_DIR="+filepath.Join(dir, "data"), "TENANTS_FILE="+filepath.Join(dir, "tenants.yaml"),
					"PM2_HOME="+dir, "OTLP_GRPC_ENDPOINT="+free[0], "OTLP_HTTP_ENDPOINT="+free[1], "HEALTH_ENDPOINT="+free[2], "METRICS_PORT="+port(free[3]), "REMOTE_WRITE_ENDPOINT=127.0.0.1:0", "LOKI_PUSH_ENDPOINT=127.0.0.1:0", setting)
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				require.ErrorAs(t, err, &exit, "it started:\n%s", out)
				require.NoError(t, ctx.Err(), "it started:\n%s", out)
				assert.Contains(t, string(out), want)
				assert.NotContains(t, string(out), "Everything is ready")
			})
		}
	}
}
