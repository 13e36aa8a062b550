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

	"github.com/stretchr/testify/require"
)

// stackDomain is the DOMAIN of the stack in its tests.
const stackDomain = "stack.test"

// signozStack is a copy of distributions/stacks/signoz-oneuptime whose scripts use
// the built tenantctl and record the commands for Docker instead of running them.
type signozStack struct {
	t     *testing.T
	dir   string
	cwd   string // of the scripts, if not that of the test
	env   []string
	calls string // the file with the commands for Docker
}

func newSignozStack(t *testing.T) *signozStack {
	t.Helper()
	s := &signozStack{t: t, dir: filepath.Join(t.TempDir(), "stacks", "signoz-oneuptime")}
	for _, name := range []string{"signoz-oneuptime", "lib"} {
		require.NoError(t, os.CopyFS(filepath.Join(filepath.Dir(s.dir), name), os.DirFS(filepath.Join(stacks, name))))
	}
	s.calls = filepath.Join(t.TempDir(), "calls")
	docker := filepath.Join(t.TempDir(), "docker")
	require.NoError(t, os.WriteFile(docker, []byte("#!/bin/sh\necho \"$*\" >> '"+s.calls+"'\n"), 0o755))
	require.NoError(t, os.WriteFile(s.calls, nil, 0o600))
	s.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "DOCKER=" + docker, "TENANTCTL=" + built(t, "tenantctl")}
	s.write(".env", "DOMAIN="+stackDomain+"\nSIGNOZ_ROOT_EMAIL=operator@stack.test\n")
	return s
}

func (s *signozStack) path(elements ...string) string {
	return filepath.Join(append([]string{s.dir}, elements...)...)
}

func (s *signozStack) write(name, text string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.path(name), []byte(text), 0o644))
}

func (s *signozStack) read(elements ...string) string {
	s.t.Helper()
	raw, err := os.ReadFile(s.path(elements...))
	require.NoError(s.t, err)
	return string(raw)
}

// try runs a script of the stack and returns its output and error.
func (s *signozStack) try(script string, args ...string) (string, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.path("scripts", script), args...)
	cmd.Env, cmd.Dir = s.env, s.cwd
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *signozStack) run(script string, args ...string) string {
	s.t.Helper()
	out, err := s.try(script, args...)
	require.NoError(s.t, err, "%s %v: %s", script, args, out)
	return out
}

// files returns the content of all files that the scripts write, without the registry's
// audit log, which records each run.
func (s *signozStack) files() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for _, folder := range []string{"hosts", "instances", "secrets", "onboarding", "registry"} {
		require.NoError(s.t, filepath.WalkDir(s.path(folder), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(path, "audit") {
				return err
			}
			raw, err := os.ReadFile(path)
			all[path] = string(raw)
			return err
		}))
	}
	all[".env"] = s.read(".env")
	return all
}

// objects gives Docker the containers, volumes and networks of a SigNoz of its own, and returns the
// folder with them.
func (s *signozStack) objects(label string) string {
	s.t.Helper()
	dir := s.t.TempDir()
	for _, name := range []string{
		"container.signoz-L", "container.signoz-L-clickhouse", "container.signoz-L-collector", "container.signoz-L-migrator",
		"volume.stack_signoz-L-clickhouse", "volume.stack_signoz-L-backups", "volume.stack_signoz-L-sqlite", "network.stack_signoz-L", "network.stack_signoz-L-store",
		"container.signoz-shared", "volume.stack_signoz-shared-clickhouse", "network.stack_signoz-shared",
	} {
		require.NoError(s.t, os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, "L", label)), nil, 0o600))
	}
	s.env = append(s.env, "OBJECTS="+dir)
	return dir
}

// answering makes Docker a program that answers as ClickHouse would, and that has a folder in
// place of volumes, which it returns.
func (s *signozStack) answering() (volumes string) {
	s.t.Helper()
	volumes = filepath.Join(s.t.TempDir(), "volumes")
	require.NoError(s.t, os.MkdirAll(filepath.Join(volumes, "gateway"), 0o755))
	docker, err := filepath.Abs("testdata/docker-signoz.sh")
	require.NoError(s.t, err)
	s.env = append(s.env, "DOCKER="+docker, "CALLS="+s.calls, "VOLUMES="+volumes)
	return volumes
}
