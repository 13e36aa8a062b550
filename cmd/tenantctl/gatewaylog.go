package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
)

// gatewayLog is the audit log of a gateway, of what it refused.
type gatewayLog struct{ path string }

// logFlag adds --log to a command that reads an audit log.
func (l *gatewayLog) logFlag(c *cobra.Command) {
	c.Flags().StringVar(&l.path, "log", "", "the log of what a gateway refused instead of the registry's: the `DIR` of failures::audit")
}

// partEntry is an entry with the part of the log that it is in.
type partEntry struct {
	Part int64 `json:"part"`
	*audit.Entry
}

// check returns an error if the folder is that of something else.
func (l *gatewayLog) check() error {
	if err := audit.CheckSeries(l.path); err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	return nil
}

// entries returns all entries, oldest first.
func (l *gatewayLog) entries(ctx context.Context) ([]partEntry, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	entries := []partEntry{}
	err := audit.SeriesEntries(ctx, l.path, func(part int64, e *audit.Entry) error {
		entries = append(entries, partEntry{part, e})
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no audit log of a gateway: %w", err)
	}
	return entries, err
}

func (a *app) listGatewayLog(ctx context.Context, l *gatewayLog, details bool) error {
	entries, err := l.entries(ctx)
	if err != nil {
		return err
	}
	return a.print(entries, func(w io.Writer) error { return writeGatewayEntries(w, entries, details) })
}

func writeGatewayEntries(w io.Writer, entries []partEntry, details bool) error {
	var lines [][]string
	for _, e := range entries {
		at := fmt.Sprintf("%d.%d", e.Part, e.Seq)
		switch r := e.Refused; {
		case r != nil:
			source := r.Source
			if r.Sources > 0 {
				source = fmt.Sprintf("%d %s", r.Sources, source)
			}
			lines = append(lines, []string{at, r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), source, reasonsOf(r.Reasons)})
		case details || e.Begins != nil && e.Begins.Damaged != "":
			lines = append(lines, []string{at, e.Time.Format(time.RFC3339), "-", "-", beginningOf(e.Entry)})
		}
	}
	return rows(w, []string{"SEQ", "FROM", "TO", "SOURCE", "REFUSED"}, lines)
}

func reasonsOf(reasons map[string]int64) string {
	var out []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		out = append(out, fmt.Sprintf("%s=%d", reason, reasons[reason]))
	}
	return strings.Join(out, " ")
}

func beginningOf(e *audit.Entry) string {
	text := fmt.Sprintf("%s by %s (%s)", e.Action, e.Actor, e.User)
	if b := e.Begins; b != nil && b.Damaged != "" {
		text += ", since the part before could not be continued: " + b.Damaged
	}
	return text
}

// verify fills v. The key file is DIR.key unless the user says otherwise.
func (l *gatewayLog) verify(ctx context.Context, v *auditVerdict, key string, proof audit.Proof) error {
	if err := l.check(); err != nil {
		return err
	}
	if key == "" {
		key = audit.SeriesKey(l.path)
	}
	if v.Verifier == "" {
		k, err := audit.ReadKey(key)
		if errors.Is(err, audit.ErrNoKey) {
			if _, gone := os.Stat(l.path); gone != nil {
				return fmt.Errorf("there is no audit log of a gateway: %w", gone)
			}
			return fmt.Errorf("%w: there is no file %s; give --audit-key FILE or --verifier KEY", audit.ErrNoKey, key)
		}
		if err != nil {
			return err
		}
		v.Verifier = k.Public()
	}
	proof.Public, proof.Seen = v.Verifier, audit.SeriesSeen(key)
	r, err := audit.VerifySeries(ctx, l.path, proof)
	if err != nil {
		return err
	}
	v.Faults, v.Warnings = append(v.Faults, r.Faults...), append(v.Warnings, r.Warnings...)
	if r.Last == 0 && len(v.Faults) == 0 {
		v.Warnings = append(v.Warnings, "there is no entry in "+l.path)
	}
	v.Valid, v.Entries, v.Root, v.Checkpoint = len(v.Faults) == 0, r.Entries, r.Root, r.Checkpoint
	v.FirstPart, v.LastPart = r.First, r.Last
	return nil
}
