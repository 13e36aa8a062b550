// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package guard

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	fewFilesEnv = "GUARD_FEW_FILES"
	fewFiles    = 256
)

// TestFewFilesServerProcess serves with few file descriptors if the
// environment asks for it.
func TestFewFilesServerProcess(t *testing.T) {
	if os.Getenv(fewFilesEnv) == "" {
		return // run by go test, not by the flood
	}
	limit := syscall.Rlimit{Cur: fewFiles, Max: fewFiles}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	require.Equal(t, fewFiles-64, DefaultConnections())
	g := New(Settings{})
	raw, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own loopback server
	require.NoError(t, err)
	// What else a gateway serves and opens.
	health, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own loopback server
	require.NoError(t, err)
	folder := t.TempDir()
	go func() {
		_ = http.Serve(health, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { //nolint:gosec // loopback
			var files []*os.File
			for i := range 30 {
				f, err := os.Create(filepath.Join(folder, fmt.Sprint(i)))
				if err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
					break
				}
				files = append(files, f)
			}
			for _, f := range files {
				_ = f.Close()
			}
			fmt.Fprintf(w, "connections %d, rejected %v", g.Connections(), rejectedFor(g))
		}))
	}()
	go func() {
		_ = http.Serve(g.Listener(raw), http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { //nolint:gosec // loopback
			r, err := g.Admit(asTenant("a"), tenant.Logs)
			if err == nil {
				defer r.Release()
				_, err = r.ReadBody(w, req, BodyLimits{})
			}
			if err != nil {
				w.WriteHeader(rejection.From(err).HTTPStatus())
			}
		}))
	}()
	fmt.Println("serving", raw.Addr(), health.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends it
}

func TestListener_FloodOfConnectionsLeavesFilesAndCallersAlone(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestFewFilesServerProcess$")
	cmd.Env = append(os.Environ(), fewFilesEnv+"=1")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		require.NoError(t, stdin.Close())
		require.NoError(t, cmd.Wait())
	}()
	lines := bufio.NewReader(stdout)
	var address, health string
	for address == "" {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if rest, ok := strings.CutPrefix(line, "serving "); ok {
			_, err := fmt.Sscan(rest, &address, &health)
			require.NoError(t, err)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()

	for range 2 * fewFiles {
		c, err := net.Dial("tcp", address) //nolint:noctx // a test's own loopback server
		require.NoError(t, err)
		defer c.Close()
	}
	client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	for range 20 {
		resp, err := client.Post("http://"+address, "", strings.NewReader("body")) //nolint:noctx // has a timeout
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		fresh, err := http.Get("http://" + health) //nolint:noctx // a test's own loopback server
		require.NoError(t, err)
		text, err := io.ReadAll(fresh.Body)
		require.NoError(t, err)
		require.NoError(t, fresh.Body.Close())
		assert.Equal(t, http.StatusOK, fresh.StatusCode, "%s", text)
		assert.Contains(t, string(text), fmt.Sprintf("connections %d, rejected map[evicted:", fewFiles-64))
	}
	http.DefaultClient.CloseIdleConnections()
}
