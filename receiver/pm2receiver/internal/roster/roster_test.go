// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package roster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/rpctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, homes ...string) *Roster {
	r := New(Settings{
		Homes: func() []string { return homes }, Interval: time.Hour, Timeout: 300 * time.Millisecond,
		Gate: admit.New(admit.Settings{User: uint32(os.Getuid())}), Now: time.Now, Recovery: recovery.New(zap.NewNop()), Logger: zap.NewNop(),
	})
	r.Start(t.Context())
	t.Cleanup(r.Shutdown)
	return r
}

func answer(process string) []byte { return rpctest.Answer(`{"args":[[` + process + `]]}`) }

// A daemon that hangs, answers nonsense or is not there takes nothing from the others.
func TestRoster_SeparatesDaemons(t *testing.T) {
	good, hangs, nonsense, absent := rpctest.Home(t), rpctest.Home(t), rpctest.Home(t), rpctest.Home(t)
	rpctest.Start(t, good, rpctest.Says(answer(`{"pm_id":3,"name":"a","pm2_env":{"pm_out_log_path":"/l/a.txt","pm_err_log_path":"/l/../l/b.txt"}}`)))
	rpctest.Start(t, hangs, rpctest.Hangs(nil))
	rpctest.Start(t, nonsense, rpctest.Says([]byte("nonsense")))
	for _, home := range []string{hangs, nonsense, absent} {
		require.NoError(t, os.WriteFile(filepath.Join(home, "dump.pm2"), fmt.Appendf(nil, `[{"name":"saved","pm_out_log_path":"%s/x"}]`, home), 0o600))
	}
	r := start(t, hangs, nonsense, absent, good)
	e, has := r.Lookup("/l/b.txt")
	require.True(t, has)
	assert.Equal(t, Entry{App: "a", ProcessID: 3, Err: true, Numbered: true, Home: good, Owner: uint32(os.Getuid())}, e)
	for _, home := range []string{hangs, nonsense, absent} {
		e, has = r.Lookup(home + "/x")
		require.True(t, has)
		assert.Equal(t, Entry{App: "saved", ProcessID: -1, Out: true, Home: home, Owner: uint32(os.Getuid())}, e)
	}
	assert.Len(t, r.Paths(), 5)
	_, answers := r.Asked()
	assert.True(t, answers)
}

// The last list of a daemon is used while it is away; its next list replaces that.
func TestRoster_KeepsTheLastAnswer(t *testing.T) {
	home := rpctest.Home(t)
	d := rpctest.Start(t, home, rpctest.Says(answer(`{"pm_id":1,"name":"a","pm2_env":{"pm_out_log_path":"/l/a"}}`)))
	r := start(t, home)
	version := r.Version()
	d.Stop()
	require.NoError(t, os.WriteFile(filepath.Join(home, "dump.pm2"), []byte(`[{"name":"old","pm_out_log_path":"/l/old"}]`), 0o600))
	before, _ := r.Asked()
	r.Ask()
	require.Eventually(t, func() bool { at, _ := r.Asked(); return at.After(before) }, 30*time.Second, 5*time.Millisecond)
	assert.Equal(t, []string{"/l/a"}, r.Paths())
	assert.Equal(t, version, r.Version())
	_, answers := r.Asked()
	assert.False(t, answers)

	rpctest.Start(t, home, rpctest.Says(answer(`{"pm_id":2,"name":"b","pm2_env":{"pm_out_log_path":"/l/b"}}`)))
	r.Ask()
	require.Eventually(t, func() bool { return r.Version() > version }, 30*time.Second, 5*time.Millisecond)
	assert.Equal(t, []string{"/l/b"}, r.Paths())
}

// What is saved is read only if it is a file of the home's owner, and no larger than an
// answer may be.
func TestRoster_ReadsOnlyTheSavedFileOfTheOwner(t *testing.T) {
	const saved = `[{"name":"a","pm_out_log_path":"/l/a"}]`
	for name, make := range map[string]func(t *testing.T, path string) error{
		"nothing": func(*testing.T, string) error { return nil },
		"no list": func(_ *testing.T, path string) error { return os.WriteFile(path, []byte(saved+"x"), 0o600) },
		"folder":  func(_ *testing.T, path string) error { return os.Mkdir(path, 0o700) },
		"device":  func(_ *testing.T, path string) error { return os.Symlink("/dev/zero", path) },
		"made up": func(_ *testing.T, path string) error { return os.Symlink("/proc/self/environ", path) },
		"relative": func(_ *testing.T, path string) error {
			return os.WriteFile(path, []byte(`[{"name":"a","pm_out_log_path":"a"}]`), 0o600)
		},
		"no file": func(_ *testing.T, path string) error {
			return os.WriteFile(path, []byte(`[{"name":"a","pm_out_log_path":"/dev/null"}]`), 0o600)
		},
		"long path": func(_ *testing.T, path string) error {
			return os.WriteFile(path, []byte(`[{"name":"a","pm_out_log_path":"/`+strings.Repeat("x/", 3000)+`"}]`), 0o600)
		},
		"very large": func(_ *testing.T, path string) error {
			return errorsOf(os.WriteFile(path, []byte(saved), 0o600), os.Truncate(path, maxReply+1))
		},
		"other user": func(t *testing.T, path string) error {
			if os.Getuid() != 0 {
				t.Skip("only root gives files to others")
			}
			return errorsOf(os.WriteFile(path, []byte(saved), 0o600), os.Chown(filepath.Dir(path), 65534, 65534))
		},
	} {
		t.Run(name, func(t *testing.T) {
			home := rpctest.Home(t)
			require.NoError(t, make(t, filepath.Join(home, "dump.pm2")))
			assert.Empty(t, start(t, home).Paths())
		})
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestRoster_ShutdownEndsADaemonThatHangs(t *testing.T) {
	home := rpctest.Home(t)
	d := rpctest.Start(t, home, rpctest.Says(answer("")))
	r := New(Settings{
		Homes: func() []string { return []string{home} }, Interval: time.Hour, Timeout: time.Hour,
		Gate: admit.New(admit.Settings{}), Now: time.Now, Recovery: recovery.New(zap.NewNop()), Logger: zap.NewNop(),
	})
	r.Start(context.Background())
	d.Say(rpctest.Hangs(nil))
	before := len(d.Requests())
	r.Ask()
	require.Eventually(t, func() bool { return len(d.Requests()) > before }, 30*time.Second, 5*time.Millisecond)
	r.Shutdown()
}

func TestRoster_BoundsTheHomes(t *testing.T) {
	base := t.TempDir()
	var homes []string
	for i := range 2 * MaxHomes {
		home := filepath.Join(base, fmt.Sprint(i))
		homes = append(homes, home)
		require.NoError(t, os.Mkdir(home, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(home, "dump.pm2"), fmt.Appendf(nil, `[{"name":"a","pm_out_log_path":"/l/%d"}]`, i), 0o600))
	}
	assert.Len(t, start(t, homes...).Paths(), MaxHomes)
}
