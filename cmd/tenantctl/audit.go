package main

import (
	"cmp"
	"context"
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
)

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "List and verify the log of all changes", a.auditList(), a.auditVerify())
}

func (a *app) auditList() *cobra.Command {
	var tenantID string
	var details bool
	var gateway gatewayLog
	c := &cobra.Command{
		Use:   "list",
		Short: "List who changed the registry, when and why",
		Long: `List the entries of the audit log, oldest first. -o json and -o yaml print all that
an entry says, before and after included. With --log it is the log of a gateway,
of where requests without a valid key came from. What is printed is not verified:
see "tenantctl audit verify".`,
		Example: `  tenantctl audit list --tenant tenant-a --details
  tenantctl audit list --log /var/lib/otelcol-tenant/state/audit`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if gateway.path != "" {
				if tenantID != "" {
					return usagef("--tenant and --log exclude each other: a request without a valid key has no tenant")
				}
				return a.listGatewayLog(cmd.Context(), &gateway, details)
			}
			entries := []*audit.Entry{}
			err := a.readLog(cmd.Context(), func(log audit.Storage, _ audit.Keys) error {
				n := 0
				return log.Entries(cmd.Context(), func(text []byte) error {
					n++
					e := &audit.Entry{}
					if err := json.Unmarshal(text, e); err != nil {
						return fmt.Errorf("entry %d cannot be read, run \"tenantctl audit verify\"", n-1)
					}
					if tenantID == "" || slices.ContainsFunc(e.Changes, func(c audit.Change) bool { return c.Tenant == tenantID }) {
						entries = append(entries, e)
					}
					return nil
				})
			})
			if err != nil {
				return err
			}
			return a.print(entries, func(w io.Writer) error { return writeEntries(w, entries, details) })
		},
	}
	c.Flags().StringVar(&tenantID, "tenant", "", "only what changed the tenant `ID`")
	c.Flags().BoolVar(&details, "details", false, "also print what changed")
	gateway.logFlag(c)
	return c
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
		about := strings.Join(tenants, ",")
		if len(tenants) > 3 {
			about = strings.Join(tenants[:3], ",") + fmt.Sprintf(" and %d more", len(tenants)-3)
		}
		reason := orDash(e.Reason)
		if e.Outcome != "" {
			reason += " (" + e.Outcome + ")"
		}
		lines = append(lines, []string{strconv.FormatInt(e.Seq, 10), e.Time.Format(time.RFC3339), e.Actor, e.Action, orDash(about), reason})
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

// auditVerdict is the outcome of a verification.
type auditVerdict struct {
	Valid      bool     `json:"valid"`
	Entries    int64    `json:"entries"`
	Root       string   `json:"root,omitempty"`
	Verifier   string   `json:"verifier"`
	Checkpoint string   `json:"checkpoint,omitempty"`
	FirstPart  int64    `json:"first_part,omitempty"` // of the log of a gateway
	LastPart   int64    `json:"last_part,omitempty"`
	Faults     []string `json:"faults"`
	Warnings   []string `json:"warnings"`

	lastAfter string // what the last entry says that the registry is
}

var errTampered = errors.New("the audit log is not as it was written")

func (a *app) auditVerify() *cobra.Command {
	var verifier string
	var checkpoints []string
	var gateway gatewayLog
	c := &cobra.Command{
		Use:   "verify",
		Short: "Find out whether the audit log is as it was written",
		Long: `Look at the whole audit log and tell every entry that was edited, dropped, moved or
cut off. It needs the log and the public part of its key, nothing else.

A log that was put back as a whole to what it was earlier is found by the
checkpoint seen last, kept beside the key, and by those given with --checkpoint:
keep the output of "tenantctl audit verify -o json" where nobody who may change
the registry can. The exit status is 1 if anything is wrong.

With --log it is the log of a gateway, which may be running. Its key is the file
DIR.key unless --audit-key or --verifier is given.`,
		Example: `  tenantctl audit verify
  tenantctl audit verify --log /var/lib/otelcol-tenant/state/audit
  tenantctl audit verify --verifier otelcol-tenant-audit+1a2b3c4d+Ab… --checkpoint kept.json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := auditVerdict{Faults: []string{}, Warnings: []string{}, Verifier: verifier}
			if verifier != "" {
				if err := audit.CheckPublic(verifier); err != nil {
					return usagef("--verifier: %w", err)
				}
			}
			var proof audit.Proof
			for _, name := range checkpoints {
				data, err := readCheckpoint(name)
				if err != nil {
					return fmt.Errorf("--checkpoint: %w", err)
				}
				proof.Others = append(proof.Others, audit.Kept{Name: "--checkpoint " + name, Data: data})
			}
			if err := a.verifyLog(cmd.Context(), &v, &gateway, proof); err != nil {
				return err
			}
			if err := a.print(&v, v.write); err != nil {
				return err
			}
			if !v.Valid {
				return errTampered
			}
			return nil
		},
	}
	gateway.logFlag(c)
	c.Flags().StringVar(&verifier, "verifier", "", "the public `KEY` as verify prints it, where the key file is not at hand")
	c.Flags().StringArrayVar(&checkpoints, "checkpoint", nil, "`FILE` with an earlier checkpoint, alone or as -o json printed it; repeat for more")
	return c
}

// verifyLog verifies the log of the gateway, or else that of the registry.
func (a *app) verifyLog(ctx context.Context, v *auditVerdict, gateway *gatewayLog, proof audit.Proof) error {
	if gateway.path != "" {
		return gateway.verify(ctx, v, a.auditKey, proof)
	}
	err := a.readLog(ctx, func(log audit.Storage, keys audit.Keys) error { return v.verify(ctx, log, keys, proof) })
	if err == nil && v.Valid {
		a.compareRegistry(ctx, v)
	}
	return err
}

func (v *auditVerdict) verify(ctx context.Context, log audit.Storage, keys audit.Keys, proof audit.Proof) error {
	if v.Verifier == "" {
		key, err := audit.ReadKey(keys.Path)
		if errors.Is(err, audit.ErrNoKey) {
			return noKey(ctx, log, keys.Path, err)
		}
		if err != nil {
			return fmt.Errorf("%w; put the key back that the log was begun with, or give --verifier KEY", err)
		}
		v.Verifier = key.Public()
	}
	proof.Public, proof.Seen = v.Verifier, keys.Seen()
	r, err := audit.Verify(ctx, log, proof, nil)
	if err != nil {
		return err
	}
	v.Faults = append(v.Faults, r.Faults...)
	v.Valid, v.Entries, v.Root, v.Checkpoint, v.lastAfter = len(v.Faults) == 0, r.Size, r.Root, r.Checkpoint, r.LastAfter
	if dir, ok := log.(*audit.Dir); ok {
		waiting, err := dir.Pending()
		if err != nil {
			return err
		}
		if waiting {
			v.Warnings = append(v.Warnings, "a change was interrupted, and the next one completes its entry")
		}
	}
	return nil
}

// noKey says whether the key alone is missing, or the log too.
func noKey(ctx context.Context, log audit.Storage, path string, cause error) error {
	data, err := log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	hashes, err := log.AllHashes(ctx)
	if err != nil {
		return err
	}
	if data == nil && len(hashes) == 0 {
		return fmt.Errorf("%w. There is no audit log either: it begins with the first change of the registry; if there was one, put it and the key, %s, back from a backup", cause, path)
	}
	return fmt.Errorf("%w. The log is there: give --audit-key FILE or --verifier KEY to verify it, and put the key back from a backup before the next change", cause)
}

// compareRegistry warns if the registry is not what the last entry says.
func (a *app) compareRegistry(ctx context.Context, v *auditVerdict) {
	doc, err := a.read(ctx)
	switch {
	case err != nil:
		v.Warnings = append(v.Warnings, fmt.Sprintf("the registry cannot be compared with the last entry: %v", err))
	case audit.Hash(doc.Bytes()) != v.lastAfter:
		v.Warnings = append(v.Warnings, "the registry is not what the last entry says: it was changed by other means than tenantctl")
	}
}

func (v *auditVerdict) write(w io.Writer) error {
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

// readCheckpoint reads a checkpoint, alone or as part of the output of verify.
func readCheckpoint(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var v auditVerdict
	if json.Unmarshal(data, &v) == nil && v.Checkpoint != "" {
		return []byte(v.Checkpoint), nil
	}
	return data, nil
}

// readLog calls f with the audit log of the registry that was asked for.
func (a *app) readLog(ctx context.Context, f func(audit.Storage, audit.Keys) error) error {
	s, err := a.store()
	if err != nil {
		return err
	}
	key, err := a.auditKeyPath(s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return s.log(ctx, func(log audit.Storage, registry string) error {
		return f(log, audit.Keys{Path: key, Registry: registry})
	})
}
