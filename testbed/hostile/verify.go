// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// verify compares the archive with the acknowledged records. It waits up to a minute for records
// that are still queued.
func verify(ctx context.Context, dir string, acked map[string]map[string]bool) error {
	owner := map[string]string{}
	for name, ids := range acked {
		for id := range ids {
			owner[id] = name
		}
	}
	misrouted := 0
	stored := map[string]bool{}
	files := archive.NewReader(dir)
	for deadline := time.Now().Add(time.Minute); len(stored) < len(owner) && time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(time.Second) {
		err := files.Poll(archive.Handler{Logs: func(tenant, _ string, ld plog.Logs) error {
			for _, rl := range ld.ResourceLogs().All() {
				for _, sl := range rl.ScopeLogs().All() {
					for _, r := range sl.LogRecords().All() {
						if who, known := owner[r.Body().Str()]; known {
							stored[r.Body().Str()] = true
							if who != tenant {
								misrouted++
							}
						}
					}
				}
			}
			return nil
		}})
		if err != nil {
			return err
		}
	}
	fmt.Printf("%d acknowledged, %d missing, %d misrouted\n", len(owner), len(owner)-len(stored), misrouted)
	var errs []error
	if len(stored) < len(owner) {
		errs = append(errs, fmt.Errorf("%d acknowledged records are missing", len(owner)-len(stored)))
	}
	if misrouted > 0 {
		errs = append(errs, fmt.Errorf("%d records are stored as another tenant's", misrouted))
	}
	return errors.Join(errs...)
}
