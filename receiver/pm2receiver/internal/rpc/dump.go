// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rpc

import (
	"errors"
	"io"
)

// forkMode is PM2's name of the mode in which it writes its date before each line.
const forkMode = "fork_mode"

// Saved reads dump.pm2, the list of processes that a PM2 daemon has saved, of size bytes. It
// keeps nothing of their environment, and at most limit processes. Saved processes have no
// numbers, because PM2 assigns new ones at each start, and no state: ID is -1.
func Saved(r io.Reader, size int64, limit int) (List, error) {
	buf := make([]byte, bufferSize)
	defer clear(buf)
	s := &scanner{src: source{r: r, buf: buf, remaining: size}}
	defer clear(s.text[:])
	var list List
	err := s.array(func() error {
		p := Process{ID: -1}
		err := s.object(func(key []byte) error {
			switch string(key) {
			case "name":
				return s.keep(&p.Name)
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
			}
			return s.skip()
		})
		switch {
		case err != nil:
			return err
		case p.Name == "":
		case len(list.Processes) >= limit:
			list.More++
		default:
			list.Processes = append(list.Processes, p)
		}
		return nil
	})
	if err == nil {
		err = s.end()
	}
	if err != nil {
		// The error contains nothing of the file.
		return List{}, errors.New("the file is not a list of processes as PM2 saves it")
	}
	return list, nil
}
