// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// feed appends the corpus files of x to the logs in its PM2 home, as PM2 would: whole
// lines, alternating between the files. pause is the time between two lines of one file.
// With pause 0, feed writes everything without waiting.
func feed(ctx context.Context, x *site, corpus string, pause time.Duration) error {
	files := make([][][]byte, len(x.files))
	outs := make([]*os.File, len(x.files))
	var errs []error
	for i, name := range x.files {
		raw, err := os.ReadFile(filepath.Join(corpus, name))
		if err != nil {
			return fmt.Errorf("reading the corpus: %w", err)
		}
		files[i] = bytes.SplitAfter(raw, []byte("\n"))
		if outs[i], err = os.OpenFile(filepath.Join(x.home, "logs", name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
			return err
		}
		defer func() { errs = append(errs, outs[i].Close()) }()
	}
	for left := true; left; {
		left = false
		for i := range files {
			if len(files[i]) == 0 {
				continue
			}
			if _, err := outs[i].Write(files[i][0]); err != nil {
				return err
			}
			files[i] = files[i][1:]
			left = left || len(files[i]) > 0
		}
		if pause == 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
	return errors.Join(errs...)
}
