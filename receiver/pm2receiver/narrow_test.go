// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/metadata"
)

// narrowing are the options that reduce the files to read: each makes a file that is known
// one that is not to be read.
var narrowing = map[string]struct {
	file string // that was read, in the folder of the test
	set  func(cfg *Config, dir string)
	root bool // needs files of other users
}{
	"home":                  {"pm2/logs/b-out.log", func(cfg *Config, dir string) { cfg.Home = filepath.Join(dir, "other") }, false},
	"home, daemon's log":    {"pm2/pm2.log", func(cfg *Config, dir string) { cfg.Home = filepath.Join(dir, "other") }, false},
	"homes":                 {"second/logs/b-out.log", func(cfg *Config, _ string) { cfg.Homes = nil }, false},
	"homes, daemon":         {"second/pm2.log", func(cfg *Config, _ string) { cfg.Homes = nil }, false},
	"process_list::enabled": {"elsewhere/b.txt", func(cfg *Config, _ string) { cfg.ProcessList.Enabled = false }, false},
	"include, listed":       {"elsewhere/b.txt", func(cfg *Config, dir string) { cfg.Include = []string{filepath.Join(dir, "pm2/logs/*.log")} }, false},
	"exclude, listed":       {"elsewhere/b.txt", func(cfg *Config, dir string) { cfg.Exclude = []string{filepath.Join(dir, "elsewhere/*")} }, false},
	"include":               {"pm2/logs/b-out.log", func(cfg *Config, dir string) { cfg.Include = []string{filepath.Join(dir, "pm2/logs/a-*.log")} }, false},
	"include, daemon":       {"pm2/pm2.log", func(cfg *Config, dir string) { cfg.Include = []string{filepath.Join(dir, "pm2/logs/*.log")} }, false},
	"exclude":               {"pm2/logs/b-out.log", func(cfg *Config, dir string) { cfg.Exclude = []string{filepath.Join(dir, "pm2/logs/b-*.log")} }, false},
	"exclude, daemon":       {"pm2/pm2.log", func(cfg *Config, dir string) { cfg.Exclude = []string{filepath.Join(dir, "pm2/pm2.log")} }, false},
	"exclude, rotated":      {"pm2/logs/b-20261121.log", func(cfg *Config, dir string) { cfg.Exclude = []string{filepath.Join(dir, "pm2/logs/b.log")} }, false},
	"exclude, numbered":     {"pm2/logs/b.1.log", func(cfg *Config, dir string) { cfg.Exclude = []string{filepath.Join(dir, "pm2/logs/b.log")} }, false},
	"exclude, stamped":      {"pm2/logs/b-out-1763683200.log", func(cfg *Config, dir string) { cfg.Exclude = []string{filepath.Join(dir, "pm2/logs/b-out.log")} }, false},
	"exclude, home":         {"pm2/logs/b-out.log", func(cfg *Config, dir string) { cfg.Exclude = []string{filepath.Join(dir, "pm2/**/b-out.log")} }, false},
	"daemon_log::enabled":   {"pm2/pm2.log", func(cfg *Config, _ string) { cfg.DaemonLog.Enabled = new(bool) }, false},
	"read_any_owner":        {"pm2/logs/b-out.log", func(cfg *Config, _ string) { cfg.ReadAnyOwner = false }, true},
}

// indifferent are the options that do not exclude known files.
var indifferent = map[string]string{
	"start_at":                    "is for files without a checkpoint, at the very first start",
	"storage":                     "is where what is known is kept",
	"poll_interval":               "is when files are looked at",
	"include_log_record_original": "is how records look",
	"severity_from_stderr":        "is how records look",
	"timezone":                    "is how records look",
	"max_line_size":               "is how records look",
	"max_buffer_size":             "is how much is in memory",
	"parse_application_json":      "is how records look",
	"stack_traces":                "is how records look",
	"ansi":                        "is how records look",
	"container":                   "is how lines are read",
	"process_list::interval":      "is when PM2 is asked",
	"process_list::timeout":       "is for how long",
	"metrics":                     "reads no files",
}

// keys returns the options of a struct, those of structs in it with "::" between.
func keys(of reflect.Type) (all []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("mapstructure"), ",")
		if key == "" {
			continue
		}
		if _, known := indifferent[key]; f.Type.Kind() == reflect.Struct && !known {
			for _, inner := range keys(f.Type) {
				all = append(all, key+"::"+inner)
			}
			continue
		}
		all = append(all, key)
	}
	return all
}

// No option is forgotten in the tables above.
func TestNarrowing_CoversAllOptions(t *testing.T) {
	tested := map[string]bool{}
	for name := range narrowing {
		key, _, _ := strings.Cut(name, ",")
		tested[key] = true
	}
	all := keys(reflect.TypeFor[Config]())
	for _, key := range all {
		_, other := indifferent[key]
		assert.NotEqual(t, tested[key], other, "add %q to the options that reduce the files to read, with a test, or to the others", key)
	}
	assert.Len(t, all, len(tested)+len(indifferent))
}

// After a restart, and so after a reload, an excluded file is not read, although it has a checkpoint.
// None of its content is kept. When it is included again, it is read from its position.
func TestNarrowing_HoldsForKnownFiles(t *testing.T) {
	for name, c := range narrowing {
		t.Run(name, func(t *testing.T) {
			if c.root && os.Getuid() != 0 {
				t.Skip("only root gives files to others")
			}
			dir, host := t.TempDir(), newStorageHost(t)
			id := component.MustNewID("file_storage")
			config := func() *Config {
				cfg := testConfig(filepath.Join(dir, "pm2"))
				cfg.Storage, cfg.ReadAnyOwner = &id, true
				cfg.Homes = []string{filepath.Join(dir, "sec*")}
				return cfg
			}
			path := filepath.Join(dir, c.file)
			add := func(text string) { write(t, path, text) }
			write(t, filepath.Join(dir, "pm2/logs/a-out.log"), "other\n")
			write(t, filepath.Join(dir, "other/logs/a-out.log"), "other\n")
			write(t, filepath.Join(dir, "pm2/dump.pm2"), fmt.Sprintf(`[{"name":"b","pm_out_log_path":%q}]`, filepath.Join(dir, "elsewhere/b.txt")))
			add("first\n")
			if c.root {
				require.NoError(t, os.Chmod(path, 0o600))
				require.NoError(t, os.Chown(filepath.Dir(path), 65534, 65534))
			}
			sink := new(consumertest.LogsSink)
			count := func(body string) (n int) {
				for _, logs := range sink.AllLogs() {
					for _, rl := range logs.ResourceLogs().All() {
						for _, rec := range rl.ScopeLogs().At(0).LogRecords().All() {
							if rec.Body().Str() == body {
								n++
							}
						}
					}
				}
				return n
			}
			set := receivertest.NewNopSettings(metadata.Type) // with one ID for all
			run := func(cfg *Config, until func() bool) {
				r := start(t, cfg, set, host, sink)
				require.Eventually(t, until, 30*time.Second, 5*time.Millisecond)
				awaitPolls(t, r)
				require.NoError(t, r.Shutdown(t.Context()))
			}
			run(config(), func() bool { return count("first") == 1 })

			narrow := config()
			c.set(narrow, dir)
			live := "pm2"
			if strings.HasPrefix(name, "home,") || name == "home" {
				live = "other"
			}
			for i := range 2 {
				add("private\n")
				write(t, filepath.Join(dir, live, "logs/a-out.log"), "again\n")
				want := count("again") + 1
				run(narrow, func() bool { return count("again") >= want })
				assert.Zero(t, count("private"), "start %d", i)
				assert.Equal(t, 1, count("first"))
			}
			run(config(), func() bool { return count("private") == 2 })
			assert.Equal(t, 1, count("first"))
		})
	}
}
