// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenanthealthextension

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

const (
	// socketMode lets the owner and the group of the process use the socket.
	socketMode = 0o660

	// socketInterval is how often the socket is checked, and created again if something has
	// removed it.
	socketInterval = 5 * time.Second

	// dialTimeout bounds the question whether another process has the socket.
	dialTimeout = time.Second
)

// socket serves HTTP at a Unix socket. A gateway works without it, so a socket that cannot be
// created does not end the process.
type socket struct {
	path     string
	logger   *zap.Logger
	recovery *recovery.Recoverer
	handler  http.Handler

	failed string // the last failure in the log
}

// serve serves until ctx ends.
func (s *socket) serve(ctx context.Context) {
	for ctx.Err() == nil {
		listener, created, err := s.listen(ctx)
		if err != nil {
			if s.failed != err.Error() {
				s.logger.Error(`Failed to create "status::socket"; tenantctl status does not work, and everything else does`, zap.Error(err))
			}
			s.failed = err.Error()
			wait(ctx, socketInterval)
			continue
		}
		if s.failed != "" {
			s.logger.Info("The status socket was created", zap.String("path", s.path))
			s.failed = ""
		}
		s.serveOn(ctx, listener, created)
	}
}

// serveOn serves until ctx ends, or until something removes or replaces the socket.
func (s *socket) serveOn(ctx context.Context, listener net.Listener, created fs.FileInfo) {
	bounds := guard.New(guard.Settings{Connections: guard.ConnectionSettings{Max: maxConnections, FirstRequest: connectionTime}})
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: connectionTime, ReadTimeout: connectionTime, WriteTimeout: connectionTime,
		IdleTimeout: connectionTime, MaxHeaderBytes: 16 << 10, ErrorLog: zap.NewStdLog(s.logger),
	}
	serving, served := context.WithCancel(ctx)
	var watching sync.WaitGroup
	s.recovery.Go(&watching, "watching the status socket", func() {
		defer server.Close()
		for s.has(created) {
			if !wait(serving, socketInterval) {
				break
			}
		}
	})
	err := server.Serve(bounds.Listener(listener))
	served()
	watching.Wait()
	if s.has(created) {
		err = errors.Join(err, os.Remove(s.path))
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		s.logger.Warn("The status socket has failed", zap.Error(err))
	}
}

// wait waits, and reports whether ctx has not ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// has reports whether the path is the socket that was created.
func (s *socket) has(created fs.FileInfo) bool {
	now, err := os.Lstat(s.path)
	return err == nil && os.SameFile(now, created)
}

// listen creates the socket under another name and renames it, so that it appears with its
// mode, and replaces one that an earlier process has left.
func (s *socket) listen(ctx context.Context) (net.Listener, fs.FileInfo, error) {
	if err := s.free(ctx); err != nil {
		return nil, nil, err
	}
	name := filepath.Join(filepath.Dir(s.path), ".s"+strconv.Itoa(os.Getpid()))
	if longest := max(len(s.path), len(name)); longest > maxSocketPath {
		return nil, nil, fmt.Errorf("the path %s is too long for a socket: it has %d bytes, at most %d are possible: set STATUS_SOCKET to a shorter one", s.path, longest, maxSocketPath)
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", name)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w: its folder must exist, and the gateway's user must be allowed to write there", s.path, err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	created, err := s.publish(name)
	if err != nil {
		return nil, nil, errors.Join(err, listener.Close(), os.Remove(name))
	}
	return listener, created, nil
}

func (s *socket) publish(name string) (fs.FileInfo, error) {
	if err := os.Chmod(name, socketMode); err != nil {
		return nil, err
	}
	created, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	return created, os.Rename(name, s.path)
}

// free returns an error if the path is not that of a socket, or if another process serves it.
func (s *socket) free(ctx context.Context) error {
	info, err := os.Lstat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s exists and is not a socket: remove it, or set STATUS_SOCKET to another path", s.path)
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", s.path)
	if err != nil {
		return nil //nolint:nilerr // nobody listens: the process that created it has ended
	}
	return errors.Join(fmt.Errorf("%s is the socket of another process that runs: set STATUS_SOCKET to another path", s.path), conn.Close())
}

// maxSocketPath is the longest path of a socket, in bytes: that of Linux, less where it is
// shorter.
const maxSocketPath = 103
