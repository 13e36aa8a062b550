package main

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// verify compares the archive with what was acknowledged.
func verify(dir string, acked map[string]map[string]bool) error {
	owner := map[string]string{}
	total := 0
	for name, ids := range acked {
		total += len(ids)
		for id := range ids {
			owner[id] = name
		}
	}
	misrouted := 0
	stored := map[string]bool{}
	err := archive.NewReader(dir).Poll(archive.Handler{Logs: func(tenant, _ string, ld plog.Logs) error {
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
	fmt.Printf("%d acknowledged, %d missing, %d misrouted\n", total, total-len(stored), misrouted)
	var errs []error
	if len(stored) < total {
		errs = append(errs, fmt.Errorf("%d acknowledged records are missing", total-len(stored)))
	}
	if misrouted > 0 {
		errs = append(errs, fmt.Errorf("%d records are stored as another tenant's", misrouted))
	}
	return errors.Join(errs...)
}
