// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rpc

import (
	"math"
	"time"
)

// Status is the state of a process.
type Status int

// The states of PM2. Any other word is StatusUnknown.
const (
	StatusUnknown Status = iota
	StatusOnline
	StatusLaunching
	StatusStopping
	StatusStopped
	StatusErrored
	StatusWaitingRestart
	StatusOneLaunch
)

func parseStatus(word []byte) Status {
	switch string(word) {
	case "online":
		return StatusOnline
	case "launching":
		return StatusLaunching
	case "stopping":
		return StatusStopping
	case "stopped":
		return StatusStopped
	case "errored":
		return StatusErrored
	case "waiting restart":
		return StatusWaitingRestart
	case "one-launch-status":
		return StatusOneLaunch
	}
	return StatusUnknown
}

// Running reports whether the process runs. A process that waits for its restart still has the
// PID of the one that has ended.
func (p *Process) Running() bool {
	return p.PID != 0 && (p.Status == StatusOnline || p.Status == StatusLaunching || p.Status == StatusStopping)
}

// reply reads {"args": [[process, …]]}.
func (s *scanner) reply(most int) (list List, err error) {
	answered, failed := false, false
	err = s.object(func(key []byte) error {
		switch string(key) {
		case "args":
			return s.array(func() error {
				if answered {
					return s.skip()
				}
				answered = true
				return s.array(func() error { return s.process(&list, most) })
			})
		case "error":
			c, err := s.space()
			if err != nil {
				return err
			}
			failed = c != 'n'
		}
		return s.skip()
	})
	switch {
	case err != nil:
		return List{}, err
	case failed:
		// The error text may contain anything.
		return List{}, &fault{ErrRefused, "PM2's daemon failed to list its processes"}
	case !answered:
		return List{}, malformed("it has no list of processes")
	}
	return list, nil
}

// process reads one process of the list. A placeholder for a process that is being
// replaced has no number, and is skipped.
func (s *scanner) process(list *List, most int) error {
	p, numbered := Process{}, false
	err := s.object(func(key []byte) error {
		switch string(key) {
		case "pm_id":
			n, ok, err := s.count()
			p.ID, numbered = n, ok
			return err
		case "pid":
			n, _, err := s.count()
			p.PID = n
			return err
		case "name":
			text, err := s.maybe()
			p.Name = string(text)
			return err
		case "monit":
			return s.monit(&p)
		case "pm2_env":
			return s.env(&p)
		}
		return s.skip()
	})
	switch {
	case err != nil:
		return err
	case !numbered || p.Name == "":
		return nil
	case len(list.Processes) >= most:
		list.More++
		return nil
	}
	for i := range list.Processes {
		if list.Processes[i].ID == p.ID {
			return malformed("two processes have one number")
		}
	}
	list.Processes = append(list.Processes, p)
	return nil
}

// env reads the fields that PM2 itself stores for a process. All other fields are variables of
// its environment, which may have the same names but are always texts. Of the fields that are
// read, only the status and the mode, which have few values, and the paths of logs are texts;
// PM2 uses a variable with the name of such a path as the path.
func (s *scanner) env(p *Process) error {
	return s.optional(func(key []byte) error {
		switch string(key) {
		case "status":
			text, err := s.maybe()
			p.Status = parseStatus(text)
			return err
		case "exec_mode":
			text, err := s.maybe()
			p.Fork = string(text) == forkMode
			return err
		case "pm_out_log_path":
			return s.keep(&p.Logs.Out)
		case "pm_err_log_path":
			return s.keep(&p.Logs.Err)
		case "pm_log_path":
			return s.keep(&p.Logs.Both)
		case "restart_time":
			n, _, err := s.count()
			p.Restarts = n
			return err
		case "unstable_restarts":
			n, _, err := s.count()
			p.Unstable = n
			return err
		case "pm_uptime":
			n, ok, err := s.count()
			if ok && n > 0 {
				p.Started = time.UnixMilli(n)
			}
			return err
		}
		return s.skip()
	})
}

func (s *scanner) monit(p *Process) error {
	return s.optional(func(key []byte) error {
		switch string(key) {
		case "memory":
			n, _, err := s.count()
			p.Memory = n
			return err
		case "cpu":
			n, ok, err := s.quantity()
			p.CPU = 0
			if ok {
				p.CPU = n / 100
			}
			return err
		}
		return s.skip()
	})
}

// optional reads an object, and ignores any other value.
func (s *scanner) optional(field func(key []byte) error) error {
	c, err := s.space()
	if err != nil {
		return err
	}
	if c != '{' {
		return s.skip()
	}
	return s.object(field)
}

// maybe reads a text. It returns nil for any other value.
func (s *scanner) maybe() ([]byte, error) {
	c, err := s.space()
	if err != nil {
		return nil, err
	}
	if c != '"' {
		return nil, s.skip()
	}
	return s.str()
}

// keep reads a text into to. Any other value becomes "".
func (s *scanner) keep(to *string) error {
	text, err := s.maybe()
	*to = string(text)
	return err
}

// quantity reads a number of at least 0. It reports false for any other value.
func (s *scanner) quantity() (float64, bool, error) {
	c, err := s.space()
	if err != nil {
		return 0, false, err
	}
	if c != '-' && !digit(c) {
		return 0, false, s.skip()
	}
	f, err := s.number()
	return f, err == nil && c != '-', err
}

// count reads an integer of at least 0.
func (s *scanner) count() (int64, bool, error) {
	f, ok, err := s.quantity()
	// Larger doubles are not exact.
	if err != nil || !ok || f != math.Trunc(f) || f > 1<<53 {
		return 0, false, err
	}
	return int64(f), true, nil
}
