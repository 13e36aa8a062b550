// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-tenant/otelcol-tenant/internal/audit"
	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
)

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "List and verify the log of all changes", a.auditList(), a.auditVerify())
}

func (a *app) auditList() *cobra.Command {
	var tenantID, failureLog string
	var details bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List who changed the registry, when and why",
		Long: `List the entries of the audit log, oldest first. -o json and -o yaml print whole
entries, with the fields before and after each change. With --log the command lists
the log of a gateway instead: the sources of requests without a valid key. Entries
are printed without being verified: see "tenantctl audit verify".`,
		Example: `  tenantctl audit list --tenant tenant-a --details
  tenantctl audit list --log /var/lib/otelcol-tenant-gateway/state/audit`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if failureLog != "" {
				if tenantID != "" {
					return usagef("--tenant and --log exclude each other: a request without a valid key has no tenant")
				}
				entries, err := operate.FailureLog{Folder: failureLog}.Entries(cmd.Context())
				if err != nil {
					return err
				}
				return a.print(entries, func(w io.Writer) error { return writeFailures(w, entries, details) })
			}
			r, err := a.open()
			if err != nil {
				return err
			}
			entries, err := r.AuditEntries(cmd.Context(), tenantID)
			if err != nil {
				return err
			}
			return a.print(entries, func(w io.Writer) error { return writeEntries(w, entries, details) })
		},
	}
	c.Flags().StringVar(&tenantID, "tenant", "", "only changes of the tenant `ID`")
	c.Flags().BoolVar(&details, "details", false, "also print what changed")
	registerFailureLog(c, &failureLog)
	return c
}

// registerFailureLog adds --log to a command that reads an audit log.
func registerFailureLog(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "log", "", "read the log of requests that a gateway rejected instead of the registry's: the `DIR` of failures::audit")
}

func writeEntries(w io.Writer, entries []*audit.Entry, details bool) error {
	if details {
		for _, e := range entries {
			head := fmt.Sprintf("%d  %s  %s (%s)  %s  %s %s", e.Seq, e.Time.Format(time.RFC3339), e.Actor, e.User, e.Action, orDash(e.Reason), e.Outcome)
			_, err := fmt.Fprintln(w, printable(head))
			if err := cmp.Or(err, writeChanges(w, e.Changes)); err != nil {
				return err
			}
		}
		return nil
	}
	var lines [][]string
	for _, e := range entries {
		var tenants []string
		for _, c := range e.Changes {
			tenants = append(tenants, c.Tenant)
		}
		changed := strings.Join(tenants, ",")
		if len(tenants) > 3 {
			changed = strings.Join(tenants[:3], ",") + fmt.Sprintf(" and %d more", len(tenants)-3)
		}
		reason := orDash(e.Reason)
		if e.Outcome != "" {
			reason += " (" + e.Outcome + ")"
		}
		lines = append(lines, []string{strconv.FormatInt(e.Seq, 10), e.Time.Format(time.RFC3339), e.Actor, e.Action, orDash(changed), reason})
	}
	return rows(w, []string{"SEQ", "TIME", "ACTOR", "ACTION", "TENANTS", "REASON"}, lines)
}

// writeChanges prints what changed, one field a line.
func writeChanges(w io.Writer, changes []audit.Change) error {
	var out strings.Builder
	for _, c := range changes {
		sign := " "
		switch {
		case c.Before == nil:
			sign = "+"
		case c.After == nil:
			sign = "-"
		}
		fmt.Fprintf(&out, "%s tenant %s\n", sign, printable(c.Tenant))
		names := maps.Clone(c.Before)
		if names == nil {
			names = make(map[string]any)
		}
		maps.Copy(names, c.After)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if v, ok := c.Before[name]; ok {
				fmt.Fprintf(&out, "  - %s: %s\n", printable(name), inline(v))
			}
			if v, ok := c.After[name]; ok {
				fmt.Fprintf(&out, "  + %s: %s\n", printable(name), inline(v))
			}
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// inline returns a value on one line.
func inline(v any) string {
	if s, ok := v.(string); ok {
		return printable(s)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func writeFailures(w io.Writer, entries []operate.FailureEntry, details bool) error {
	var lines [][]string
	for _, e := range entries {
		at := fmt.Sprintf("%d.%d", e.SegmentNumber, e.Seq)
		switch r := e.Rejected; {
		case r != nil:
			source := r.Source
			if r.Sources > 0 {
				source = fmt.Sprintf("%d %s", r.Sources, source)
			}
			lines = append(lines, []string{at, r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), source, countsOf(r.Reasons)})
		case details || e.Segment != nil && e.Segment.Damage != "":
			lines = append(lines, []string{at, e.Time.Format(time.RFC3339), "-", "-", beginningOf(e.Entry)})
		}
	}
	return rows(w, []string{"SEQ", "FROM", "TO", "SOURCE", "REJECTED"}, lines)
}

func countsOf(reasons map[string]int64) string {
	var out []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		out = append(out, fmt.Sprintf("%s=%d", reason, reasons[reason]))
	}
	return strings.Join(out, " ")
}

// beginningOf describes the first entry of a segment.
func beginningOf(e *audit.Entry) string {
	text := fmt.Sprintf("%s by %s (%s)", e.Action, e.Actor, e.User)
	if b := e.Segment; b != nil && b.Damage != "" {
		text += ", because the previous segment could not be continued: " + b.Damage
	}
	return text
}

var errTampered = errors.New("the audit log was changed after it was written")

func (a *app) auditVerify() *cobra.Command {
	var set operate.Verify
	var checkpoints []string
	var failureLog string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check whether the audit log is as it was written",
		Long: `Check the whole audit log and print every entry that was edited, removed, moved or
cut off. The check needs the log and the public part of its key, nothing else.

A log that was replaced as a whole by an earlier state is detected by the checkpoint
that is kept beside the key, and by those given with --checkpoint: keep the output
of "tenantctl audit verify -o json" where nobody who may change the registry can
change it. The exit status is 1 if anything is wrong.

With --log the command checks the log of a gateway, which may be running. Its key is
the file DIR.key unless --audit-key or --verifier is given.`,
		Example: `  tenantctl audit verify
  tenantctl audit verify --log /var/lib/otelcol-tenant-gateway/state/audit
  tenantctl audit verify --verifier otelcol-tenant-audit+1a2b3c4d+Ab… --checkpoint kept.json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if set.Verifier != "" {
				if err := audit.CheckPublic(set.Verifier); err != nil {
					return usagef("--verifier: %w", err)
				}
			}
			for _, name := range checkpoints {
				data, err := os.ReadFile(name)
				if err != nil {
					return fmt.Errorf("--checkpoint: %w", err)
				}
				set.Checkpoints = append(set.Checkpoints, audit.Kept{Name: "--checkpoint " + name, Data: operate.CheckpointIn(data)})
			}
			v, err := a.verifyLog(cmd, failureLog, set)
			if err != nil {
				return explainVerify(err)
			}
			if err := a.print(v, func(w io.Writer) error { return writeVerification(w, v) }); err != nil {
				return err
			}
			if !v.Valid {
				return errTampered
			}
			return nil
		},
	}
	registerFailureLog(c, &failureLog)
	c.Flags().StringVar(&set.Verifier, "verifier", "", "the public `KEY` as verify prints it, if the key file is not at hand")
	c.Flags().StringArrayVar(&checkpoints, "checkpoint", nil, "`FILE` with an earlier checkpoint, alone or as -o json printed it; can be repeated")
	return c
}

// verifyLog verifies the log in the folder failureLog, or else that of the
// registry.
func (a *app) verifyLog(cmd *cobra.Command, failureLog string, set operate.Verify) (*operate.Verification, error) {
	if failureLog != "" {
		return operate.FailureLog{Folder: failureLog, Key: a.auditKey}.Verify(cmd.Context(), set)
	}
	r, err := a.open()
	if err != nil {
		return nil, err
	}
	return r.VerifyAudit(cmd.Context(), set)
}

// explainVerify adds the flags with which a log is verified without its key file.
func explainVerify(err error) error {
	var key *operate.KeyError
	if errors.As(err, &key) && key.Missing && !key.HasLog || !errors.As(err, &key) && !errors.Is(err, audit.ErrNoKey) {
		return err
	}
	return fmt.Errorf("%w; to verify without this file, give --audit-key FILE or --verifier KEY", err)
}

func writeVerification(w io.Writer, v *operate.Verification) error {
	var out strings.Builder
	for _, text := range v.Faults {
		fmt.Fprintf(&out, "fault: %s\n", text)
	}
	for _, text := range v.Warnings {
		fmt.Fprintf(&out, "warning: %s\n", text)
	}
	if v.Valid {
		fmt.Fprintf(&out, "%d entries, none changed since they were written\nroot      %s\nverifier  %s\n", v.Entries, orDash(v.Root), v.Verifier)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
