// Package process starts the built collector for demonstrations, tests and
// benchmarks, waits until it is ready, and ends it by its pid.
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

// Settings say what to run and how to know that it is ready.
type Settings struct {
	Path    string            // the binary
	Args    []string          // its arguments
	Env     map[string]string // added to a small environment: PATH and HOME alone are inherited
	Health  string            // URL that answers 200 once it is ready; empty: not asked
	Ready   string            // text of its output once it is ready; empty: not awaited
	LogFile string            // receives stdout and stderr; empty: kept in memory only
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

// keepLog bounds what is kept of a child's output in memory.
const keepLog = 8 << 20

// Start runs the child and returns when it is ready, or with an error that holds
// the end of its output when it ended or ctx was over first.
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
			return fmt.Errorf("it ended: %w", p.err)
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

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends the child a signal.
func (p *Process) Signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signaling pid %d: %w", p.Pid(), err)
	}
	return nil
}

// Stop asks the child to end (SIGTERM) and waits for it. It returns an error if
// the child ended badly or, after killing it, if ctx was over first.
func (p *Process) Stop(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending pid %d: %w", p.Pid(), err)
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("pid %d did not end in time: %w", p.Pid(), context.Cause(ctx)), p.Kill())
	}
}

// Kill ends the child at once (SIGKILL) and waits for it.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing pid %d: %w", p.Pid(), err)
	}
	<-p.done
	return nil
}

// FreeAddresses returns n different loopback addresses with free TCP ports.
func FreeAddresses(n int) ([]string, error) {
	r, err := loopback.Reserve(n)
	if err != nil {
		return nil, err
	}
	return r.Addresses, r.Close()
}

// Port returns the port of an address of FreeAddresses.
func Port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
