// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registrydb

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// listenProbe is the interval at which a silent connection is checked.
	listenProbe = 10 * time.Second

	// minListenPause and maxListenPause bound the pause before another attempt.
	minListenPause = 200 * time.Millisecond
	maxListenPause = 15 * time.Second
)

// Listen calls wake for every change of the registry in the database, and whenever
// it may have missed one, until ctx is done. It reconnects without end. If it cannot
// listen, as behind a pooler or on a standby, it calls failed once per kind of
// error.
func Listen(ctx context.Context, cfg *Config, timeout time.Duration, wake func(), failed func(error)) {
	pause, last := minListenPause, ""
	for ctx.Err() == nil {
		begin := time.Now()
		err := listen(ctx, cfg, timeout, wake)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begin) > maxListenPause {
			pause, last = minListenPause, ""
		}
		if err = cfg.clean(err); err.Error() != last {
			last = err.Error()
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, maxListenPause)
	}
}

// listen listens over one connection until the connection ends.
func listen(ctx context.Context, cfg *Config, timeout time.Duration, wake func()) error {
	short, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := cfg.connect(short)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(end) // the connection is not used any more
	}()
	if _, err := conn.Exec(short, "listen tenant_registry"); err != nil {
		return fmt.Errorf("LISTEN: %w", err)
	}
	wake() // for earlier changes
	for {
		wait, cancel := context.WithTimeout(ctx, listenProbe)
		_, err := conn.WaitForNotification(wait)
		quiet := errors.Is(wait.Err(), context.DeadlineExceeded)
		cancel()
		switch {
		case err == nil:
			wake()
			continue
		case ctx.Err() != nil || !quiet:
			return err
		}
		if conn.IsClosed() {
			return err
		}
		probe, cancel := context.WithTimeout(ctx, timeout)
		err = conn.Ping(probe)
		cancel()
		if err != nil {
			return err
		}
	}
}
