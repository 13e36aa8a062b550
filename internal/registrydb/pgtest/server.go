// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

// Package pgtest runs a real PostgreSQL server for a test: a cluster of its own
// in a temporary folder, with TLS and passwords, that can be killed and started
// again.
package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
)

// startTimeout bounds the wait for a server that starts or recovers.
const startTimeout = 30 * time.Second

// Password is that of every role of a server.
const Password = "correct-horse-battery"

// Server is a running PostgreSQL server.
type Server struct {
	t          testing.TB
	bin, dir   string
	port       int
	credential *syscall.Credential
	databases  atomic.Int64

	process *os.Process
	ended   chan struct{} // closed when the process has ended
	log     *lockedBuffer
}

// Start starts a server that ends with the test. The test is skipped if
// PostgreSQL is not installed, and fails if REQUIRE_REAL is 1 then.
func Start(t testing.TB) *Server {
	t.Helper()
	bin, ok := binaries()
	if !ok {
		const text = "PostgreSQL is not installed (apt-get install postgresql)"
		if os.Getenv("REQUIRE_REAL") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	s := &Server{t: t, bin: bin, log: &lockedBuffer{}}
	var err error
	s.dir, err = os.MkdirTemp("", "pgtest") //nolint:usetesting // the path of a socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(s.dir)) })
	if os.Geteuid() == 0 {
		s.credential = unprivileged(t)
		require.NoError(t, os.Chown(s.dir, int(s.credential.Uid), int(s.credential.Gid)))
	}
	s.initialize()
	s.Restart()
	t.Cleanup(s.Stop)
	return s
}

// binaries returns the folder with the server's programs, which Debian keeps
// off the PATH.
func binaries() (string, bool) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), true
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	if len(found) == 0 {
		return "", false
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 is last
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), true
}

// unprivileged returns the user that the server runs as, since it refuses root.
func unprivileged(t testing.TB) *syscall.Credential {
	u, err := user.Lookup("postgres")
	require.NoError(t, err, "PostgreSQL refuses to run as root and there is no user postgres")
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	require.NoError(t, err)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// CA returns the path of the certificate that the server's is signed by.
func (s *Server) CA() string { return filepath.Join(s.dir, "ca.pem") }

func (s *Server) initialize() {
	s.t.Helper()
	secret := filepath.Join(s.dir, "password")
	s.write(secret, []byte(Password+"\n"))
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", "admin", "--pwfile", secret,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential}
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, string(out))

	ca, cert, key := certificate(s.t)
	s.write(s.CA(), ca)
	s.write(filepath.Join(s.dir, "server.pem"), cert)
	s.write(filepath.Join(s.dir, "server.key"), key)
	_, port, err := net.SplitHostPort(loopback.Address(s.t))
	require.NoError(s.t, err)
	s.port, err = strconv.Atoi(port)
	require.NoError(s.t, err)
}

// write makes a file that only the server's user reads.
func (s *Server) write(path string, data []byte) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(path, data, 0o600))
	if s.credential != nil {
		require.NoError(s.t, os.Chown(path, int(s.credential.Uid), int(s.credential.Gid)))
	}
}

// Restart starts a server that is down and waits until it answers.
func (s *Server) Restart() {
	s.t.Helper()
	deadline := time.Now().Add(startTimeout)
	for {
		s.launch()
		if s.ready(deadline) {
			return
		}
		s.Kill()
		require.True(s.t, time.Now().Before(deadline), "the server does not start:\n%s", s.log)
	}
}

func (s *Server) launch() {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir,
		"-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(s.port), "-c", "fsync=off", "-c", "max_connections=60",
		"-c", "ssl=on", "-c", "ssl_cert_file="+filepath.Join(s.dir, "server.pem"), "-c", "ssl_key_file="+filepath.Join(s.dir, "server.key"))
	cmd.SysProcAttr = attributes(s.credential)
	cmd.Dir = s.dir
	cmd.Stdout, cmd.Stderr = s.log, s.log
	ended, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread() // see attributes
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // a killed server is no surprise
		}
		close(ended)
	}()
	require.NoError(s.t, <-started)
	s.process, s.ended = cmd.Process, ended
}

// ready waits until the server answers, or has ended.
func (s *Server) ready(deadline time.Time) bool {
	for time.Now().Before(deadline) {
		select {
		case <-s.ended:
			return false
		case <-time.After(10 * time.Millisecond):
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := pgx.Connect(ctx, s.DSN("postgres"))
		cancel()
		if err == nil {
			return conn.Close(context.Background()) == nil
		}
	}
	return false
}

// Kill ends the server as a crash does.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Stop ends the server as an operator does who does not wait for clients.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

func (s *Server) end(sig syscall.Signal) {
	select {
	case <-s.ended:
		return
	default:
	}
	_ = s.process.Signal(sig) // it may have ended meanwhile
	select {
	case <-s.ended:
	case <-time.After(startTimeout):
		_ = s.process.Kill()
		<-s.ended
	}
}

// Freeze makes the main process take no more connections, which hangs clients
// that connect, until thaw is called.
func (s *Server) Freeze() (thaw func()) {
	require.NoError(s.t, s.process.Signal(syscall.SIGSTOP))
	return func() { require.NoError(s.t, s.process.Signal(syscall.SIGCONT)) }
}

// Port is that of the server on the loopback.
func (s *Server) Port() int { return s.port }

// DSN returns the connection string of the administrator for a database.
func (s *Server) DSN(database string) string { return s.DSNOf("admin", database) }

// DSNOf returns the connection string of a role.
func (s *Server) DSNOf(role, database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", role, Password, s.port, database)
}

// NewDatabase makes an empty database and returns its name.
func (s *Server) NewDatabase() string {
	s.t.Helper()
	name := fmt.Sprintf("db%d", s.databases.Add(1))
	s.Exec("postgres", "create database "+name)
	return name
}

// Exec runs statements as the administrator.
func (s *Server) Exec(database, sql string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN(database))
	require.NoError(s.t, err)
	_, err = conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	require.NoError(s.t, err)
	require.NoError(s.t, conn.Close(ctx))
}

// Log returns what the server has logged.
func (s *Server) Log() string { return s.log.String() }

// NewReader makes a role that may read the registry and nothing else, and
// returns its connection string.
func (s *Server) NewReader(database string) string {
	s.t.Helper()
	role := "reader_" + database
	s.Exec(database, fmt.Sprintf(`create role %s login password '%s';
		alter role %[1]s set default_transaction_read_only = on;
		grant select on tenant_registry, tenant_registry_tenants to %[1]s`, role, Password))
	return s.DSNOf(role, database)
}

// lockedBuffer is a buffer that one goroutine writes while others read.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
