// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/container"
)

func load(t *testing.T, file, key string) *Config {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", file))
	require.NoError(t, err)
	sub, err := conf.Sub(key)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	return cfg
}

func TestConfig_Example(t *testing.T) {
	storage := component.MustNewID("file_storage")
	cfg := load(t, "config.yaml", "pm2")
	require.NoError(t, confmap.Validate(cfg))
	daemonLog, metrics := true, defaultMetricsConfig()
	metrics.Enabled = true
	metrics.Each.Pm2ProcessUnstableRestarts.Enabled = false
	assert.EqualExportedValues(t, Config{
		Home: "/srv/pm2", Homes: []string{"/home/*/.pm2"}, Include: nil, Exclude: []string{"/srv/pm2/logs/pm2-logrotate-*.log"}, StartAt: StartAtBeginning, Storage: &storage,
		PollInterval: 100 * time.Millisecond, Timezone: "Europe/Berlin", MaxLineSize: bytesize.MiB, MaxBufferSize: 64 * bytesize.MiB, ParseApplicationJSON: true, StackTraces: StackTracesJoin, ANSI: ANSIStrip,
		Container: container.Auto, ProcessList: defaultProcessListConfig(), DaemonLog: DaemonLogConfig{Enabled: &daemonLog}, Metrics: metrics,
	}, *cfg)
}

func TestConfig_DefaultsAreValid(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	require.NoError(t, confmap.Validate(cfg))
}

func TestConfig_ErrorsNameTheKey(t *testing.T) {
	for key, message := range map[string]string{
		"bad_include":      `"include" has the invalid pattern "logs/[a"`,
		"empty_exclude":    `"exclude" has the invalid pattern ""`,
		"bad_start":        `"start_at" must be "beginning" or "end", got "middle"`,
		"bad_poll":         `"poll_interval" must be between 10ms and 1m0s, got 1ms`,
		"bad_timezone":     `"timezone" "Mars/Olympus" is not Local, UTC or a name such as Europe/Berlin`,
		"no_timezone":      `"timezone" "" is not Local, UTC or a name such as Europe/Berlin`,
		"small_line":       `"max_line_size" must be between 4KiB and 16MiB, got 10`,
		"large_line":       `"max_line_size" must be between 4KiB and 16MiB, got 1GiB`,
		"small_buffer":     `"max_buffer_size" must be between 4MiB and 16GiB, got 1MiB`,
		"large_buffer":     `"max_buffer_size" must be between 4MiB and 16GiB, got 17GiB`,
		"short_collection": `metrics: "collection_interval" must be between 1s and 1h0m0s, got 10ms`,
		"long_timeout":     `metrics: "timeout" must be positive and not longer than "collection_interval", got 11s`,
		"no_timeout":       `metrics: "timeout" must be positive and not longer than "collection_interval", got 0s`,
		"bad_metric":       "metrics::each::pm2.process.status: metric pm2.process.status doesn't have an attribute colour, valid attributes: [pm2.process.state]",
		"bad_homes":        `"homes" has the invalid pattern "/home/[a"`,
		"short_interval":   `process_list: "interval" must be between 1s and 1h0m0s, got 10ms`,
		"long_list":        `process_list: "timeout" must be positive and at most 1m0s, got 2m0s`,
		"bad_container":    `"container" must be "auto", "docker", "cri" or "none", got "podman"`,
		"bad_stacks":       `"stack_traces" must be "join" or "separate", got "sometimes"`,
		"wrong_ansi":       `"ansi" must be "strip" or "keep", got "colour"`,
	} {
		t.Run(key, func(t *testing.T) {
			assert.EqualError(t, confmap.Validate(load(t, "invalid.yaml", key)), message)
		})
	}
}

func TestConfig_HomeDefaultsToPM2s(t *testing.T) {
	t.Setenv("PM2_HOME", "/var/pm2[1]")
	include, _, err := createDefaultConfig().(*Config).patterns()
	require.NoError(t, err)
	assert.Equal(t, []string{`/var/pm2\[1\]/logs/*.log`}, include)

	t.Setenv("PM2_HOME", "")
	t.Setenv("HOME", "/home/deploy")
	include, _, err = createDefaultConfig().(*Config).patterns()
	require.NoError(t, err)
	assert.Equal(t, []string{"/home/deploy/.pm2/logs/*.log"}, include)
}

func TestConfig_TildeIsTheHomeFolder(t *testing.T) {
	t.Setenv("HOME", "/home/deploy")
	cfg := createDefaultConfig().(*Config)
	cfg.Home = "~/.pm2"
	include, _, err := cfg.patterns()
	require.NoError(t, err)
	assert.Equal(t, []string{"/home/deploy/.pm2/logs/*.log"}, include)

	cfg.Include, cfg.Exclude = []string{"~/a/*.log", "/b~/*.log"}, []string{"~/a/x.log"}
	include, exclude, err := cfg.patterns()
	require.NoError(t, err)
	assert.Equal(t, []string{"/home/deploy/a/*.log", "/b~/*.log"}, include)
	assert.Equal(t, []string{"/home/deploy/a/x.log"}, exclude)
}

func TestConfig_DaemonLogIsReadByDefault(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		include []string
		enabled *bool
		want    string
	}{
		"home":              {nil, nil, "/srv/pm2/pm2.log"},
		"home, asked for":   {nil, &yes, "/srv/pm2/pm2.log"},
		"home, not wanted":  {nil, &no, ""},
		"globs":             {[]string{"/a/*.log"}, nil, ""},
		"globs, asked for":  {[]string{"/a/*.log"}, &yes, "/srv/pm2/pm2.log"},
		"globs, not wanted": {[]string{"/a/*.log"}, &no, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			cfg.Home, cfg.Include, cfg.DaemonLog.Enabled = "/srv/pm2/", c.include, c.enabled
			path, err := cfg.daemonLog()
			require.NoError(t, err)
			assert.Equal(t, c.want, path)
		})
	}
}

func TestConfig_SocketIsInTheHome(t *testing.T) {
	t.Setenv("HOME", "/home/deploy")
	cfg := createDefaultConfig().(*Config)
	cfg.Home, cfg.Include = "~/.pm2", []string{"/a/*.log"}
	path, err := cfg.inHome("rpc.sock")
	require.NoError(t, err)
	assert.Equal(t, "/home/deploy/.pm2/rpc.sock", path)
}

func TestConfig_Homes(t *testing.T) {
	t.Setenv("HOME", "/home/deploy")
	t.Setenv("PM2_HOME", "")
	for name, c := range map[string]struct {
		home   string
		homes  []string
		want   []string // to look for
		daemon string
	}{
		"none":  {"", nil, []string{"/home/deploy/.pm2"}, "/home/deploy/.pm2/pm2.log"},
		"home":  {"/srv/[x]", nil, []string{`/srv/\[x\]`}, "/srv/[x]/pm2.log"},
		"homes": {"", []string{"/home/*/.pm2", "~/other"}, []string{"/home/*/.pm2", "/home/deploy/other"}, ""},
		"both":  {"/srv/pm2/", []string{"/home/*/.pm2"}, []string{"/srv/pm2", "/home/*/.pm2"}, "/srv/pm2/pm2.log"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			cfg.Home, cfg.Homes = c.home, c.homes
			homes, err := cfg.homes()
			require.NoError(t, err)
			assert.Equal(t, c.want, homes)
			include, _, err := cfg.patterns()
			require.NoError(t, err)
			for i, home := range c.want {
				assert.Equal(t, home+"/logs/*.log", include[i])
			}
			daemon, err := cfg.daemonLog()
			require.NoError(t, err)
			assert.Equal(t, c.daemon, daemon)
		})
	}
}
