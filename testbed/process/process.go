// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package process starts the built collector for demonstrations, tests and benchmarks,
// waits until it is ready, and stops it by its process ID.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
)

// Settings define what to run, and how to detect that it is ready.
type Settings struct {
	Path    string            // the binary
	Args    []string          // its arguments
	Env     map[string]string // its environment, in addition to PATH and HOME, which it inherits
	Health  string            // URL that answers 200 once it is ready; empty: not checked
	Ready   string            // text that it writes once it is ready; empty: not checked
	LogFile string            // receives stdout and stderr; empty: they are kept in memory only
}

// Process is a running child. Its methods are safe for concurrent use.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid after done
	file *os.File

	mu  sync.Mutex
	log bytes.Buffer
}

// doorEndpoints are the variables of the shipped gateway for the addresses of its receivers
// of other protocols than OTLP.
func doorEndpoints() []string { return []string{"REMOTE_WRITE_ENDPOINT", "LOKI_PUSH_ENDPOINT"} }

// keepLog bounds the output of a child that is kept in memory.
const keepLog = 8 << 20

// Start runs the child and returns when it is ready. If the child exits or ctx ends first,
// Start returns an error with the end of the child's output.
func Start(ctx context.Context, set Settings) (*Process, error) {
	p := &Process{cmd: exec.Command(set.Path, set.Args...), done: make(chan struct{})}
	p.cmd.Env = environment(set.Env)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = childAttributes()
	if set.LogFile != "" {
		var err error
		if p.file, err = os.OpenFile(set.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
			return nil, fmt.Errorf("opening log file: %w", err)
		}
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", filepath.Base(set.Path), err)
	}
	go func() {
		p.err = p.cmd.Wait()
		if p.file != nil {
			p.err = errors.Join(p.err, p.file.Close())
		}
		close(p.done)
	}()
	if err := p.waitReady(ctx, set); err != nil {
		_ = p.Kill()
		return nil, fmt.Errorf("%s is not ready: %w\n%s", filepath.Base(set.Path), err, p.Tail(4000))
	}
	return p, nil
}

func environment(extra map[string]string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	// Most gateways need no port for these that is known, and many run at a time.
	for _, name := range doorEndpoints() {
		if _, ok := extra[name]; !ok {
			env = append(env, name+"=127.0.0.1:0")
		}
	}
	for k, v := range extra {
		env = append(env, k+"="+v)
	}
	slices.Sort(env)
	return env
}

func (p *Process) waitReady(ctx context.Context, set Settings) error {
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if strings.Contains(p.Output(), set.Ready) && healthy(ctx, client, set.Health) {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("it exited: %w", p.err)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func healthy(ctx context.Context, client *http.Client, url string) bool {
	if url == "" {
		return true
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Write implements io.Writer for the child's output.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log.Len() < keepLog {
		p.log.Write(b)
	}
	if p.file != nil {
		return p.file.Write(b)
	}
	return len(b), nil
}

// Output returns what the child has written so far, at most its first 8 MiB.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// Tail returns the last n bytes of the output.
func (p *Process) Tail(n int) string {
	out := p.Output()
	if len(out) > n {
		out = "…" + out[len(out)-n:]
	}
	return out
}

// Pid returns the process ID of the child.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the child has exited.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends the child a signal.
func (p *Process) Signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signaling pid %d: %w", p.Pid(), err)
	}
	return nil
}

// Stop sends SIGTERM and waits until the child exits. It returns an error if the child's exit
// status is not 0. If ctx ends first, Stop kills the child and returns an error.
func (p *Process) Stop(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping pid %d: %w", p.Pid(), err)
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("pid %d did not exit in time: %w", p.Pid(), context.Cause(ctx)), p.Kill())
	}
}

// Kill sends SIGKILL and waits until the child exits.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing pid %d: %w", p.Pid(), err)
	}
	<-p.done
	return nil
}

// FreeAddresses returns n distinct loopback addresses whose TCP ports are free.
func FreeAddresses(n int) ([]string, error) {
	r, err := loopback.Reserve(n)
	if err != nil {
		return nil, err
	}
	return r.Addresses, r.Close()
}

// Port returns the port of an address of FreeAddresses.
func Port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
