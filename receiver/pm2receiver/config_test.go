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
	assert.Equal(t, &Config{
		Home: "/srv/pm2", Include: nil, Exclude: []string{"/srv/pm2/logs/pm2-logrotate-*.log"}, StartAt: StartAtBeginning, Storage: &storage,
		PollInterval: 100 * time.Millisecond, Timezone: "Europe/Berlin", MaxLineSize: bytesize.MiB, ParseApplicationJSON: true, StackTraces: StackTracesJoin,
	}, cfg)
}

func TestConfig_DefaultsAreValid(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, componenttest.CheckConfigStruct(cfg))
	require.NoError(t, confmap.Validate(cfg))
}

func TestConfig_RefusesWithTheNameOfTheKey(t *testing.T) {
	for key, message := range map[string]string{
		"bad_include":   `"include" has the invalid pattern "logs/[a"`,
		"empty_exclude": `"exclude" has the invalid pattern ""`,
		"bad_start":     `"start_at" must be "beginning" or "end", got "middle"`,
		"bad_poll":      `"poll_interval" must be between 10ms and 1m0s, got 1ms`,
		"bad_timezone":  `"timezone" "Mars/Olympus" is not Local, UTC or a name such as Europe/Berlin`,
		"small_line":    `"max_line_size" must be between 4KiB and 16MiB, got 10`,
		"large_line":    `"max_line_size" must be between 4KiB and 16MiB, got 1GiB`,
		"bad_stacks":    `"stack_traces" must be "join" or "separate", got "sometimes"`,
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
