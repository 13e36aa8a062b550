// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/attack"
)

// child is a process that attacks. With chrt it only gets idle processor time, as if it ran on
// another machine, so the measurement shows the effect of the gateway on the latency of others, and
// not the effect of the attacker's own work.
type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

// order is what a child reads from its standard input. It attacks until the end of this input.
type order struct {
	HTTP, GRPC string
	Keys       []string
	Kinds      []string // prefixes of the names of attacks
	Parallel   int
	Every      time.Duration
}

// order returns an order to attack g with the keys of the hostile tenants.
func (g *gateway) order(parallel int, every time.Duration) order {
	o := order{HTTP: g.http, GRPC: g.grpc, Parallel: parallel, Every: every}
	for _, a := range g.hostile {
		o.Keys = append(o.Keys, a.key)
	}
	return o
}

func startChild(ctx context.Context, g *gateway, t trial, o options) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := []string{self, "-child"}
	if starter := strings.Fields(o.attacker); len(starter) > 0 {
		if path, err := exec.LookPath(starter[0]); err == nil {
			command = append(append([]string{path}, starter[1:]...), command...)
		}
	}
	c := &child{cmd: exec.CommandContext(ctx, command[0], command[1:]...)}
	c.cmd.Stderr = os.Stderr
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.stdin, c.out = stdin, bufio.NewReader(stdout)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	attack := g.order(t.parallel, t.every)
	attack.Kinds = t.kinds
	if err := json.NewEncoder(stdin).Encode(attack); err != nil {
		return nil, errors.Join(err, c.cmd.Process.Kill(), c.cmd.Wait())
	}
	if _, err := c.out.ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("the attacking process did not start: %w", err), c.cmd.Process.Kill(), c.cmd.Wait())
	}
	return c, nil
}

// stop ends the attacks, and returns the number of each answer.
func (c *child) stop() (map[string]int, error) {
	answers := map[string]int{}
	err := errors.Join(c.stdin.Close(), json.NewDecoder(c.out).Decode(&answers), c.cmd.Wait())
	if err != nil {
		return nil, fmt.Errorf("attacking process: %w", err)
	}
	return answers, nil
}

// runChild attacks as the order from in requires, until the end of in, and writes the answers to
// out.
func runChild(in io.Reader, out io.Writer) error {
	var o order
	d := json.NewDecoder(in)
	if err := d.Decode(&o); err != nil {
		return err
	}
	var kinds []attack.Attack
	for _, a := range attack.All(size) {
		for _, name := range o.Kinds {
			if strings.HasPrefix(a.Name, name) {
				kinds = append(kinds, a)
			}
		}
	}
	if len(kinds) == 0 {
		return fmt.Errorf("no attack has a name that begins with one of %q", o.Kinds)
	}
	// The parent process waits for this line, because building the attacks may take seconds.
	if _, err := fmt.Fprintln(out, "attacking"); err != nil {
		return err
	}
	a := newAttackers(o, kinds)
	_, _ = io.Copy(io.Discard, in) // waits for the end
	a.stop()
	answers := map[string]int{}
	for _, of := range a.answers {
		for answer, n := range of {
			answers[answer] += n
		}
	}
	return json.NewEncoder(out).Encode(answers)
}
