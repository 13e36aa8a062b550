// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// startProfile writes a CPU profile of a run to the folder for profiles, if there is one, and returns
// the result.
func (b *bench) startProfile(r *run, s *subject) <-chan error {
	done := make(chan error, 1)
	if b.profile == "" {
		done <- nil
		return done
	}
	path := filepath.Join(b.profile, fmt.Sprintf("%s-%s.pprof", s.name, r.exporter))
	go func() { done <- r.saveProfile(path) }()
	return done
}

func (r *run) saveProfile(path string) error {
	for {
		resp, err := http.Get("http://" + r.pprof + "/debug/pprof/profile?seconds=5")
		if err != nil {
			select {
			case <-r.ctx.Done():
				return err
			case <-time.After(10 * time.Millisecond): // it is still starting
			}
			continue
		}
		defer resp.Body.Close()
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, resp.Body)
		return errors.Join(err, f.Close())
	}
}
