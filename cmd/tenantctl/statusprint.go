// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/activity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/gatewaystatus"
)

// writeStatusFindings writes what is wrong, each with its fix in the next line.
func writeStatusFindings(w io.Writer, about string, findings []gatewaystatus.Finding) error {
	for _, f := range findings {
		text := fmt.Sprintf("%-7s  %s: %s\n", strings.ToUpper(f.Severity.String()), printable(about), printable(f.Message))
		if f.Fix != "" {
			text += fmt.Sprintf("%-7s  Fix: %s\n", "", printable(f.Fix))
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// section writes a heading and a table, or nothing if there are no lines.
func section(w io.Writer, header []string, lines [][]string) error {
	if len(lines) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return rows(w, header, lines)
}

func ago(now time.Time, at *time.Time) string {
	if at == nil {
		return "never"
	}
	return gatewaystatus.Ago(now, *at)
}

func writeOverview(w io.Writer, o *gatewaystatus.Overview) error {
	now := o.Gateway.Time
	if err := writeStatusFindings(w, "gateway", o.Findings); err != nil {
		return err
	}
	for _, line := range o.Faulty {
		for _, f := range line.Findings {
			if f.Severity.Bad() {
				if err := writeStatusFindings(w, line.ID, []gatewaystatus.Finding{f}); err != nil {
					return err
				}
				break // the worst one; status TENANT shows all
			}
		}
	}
	if len(o.Findings) == 0 && o.FaultyTotal == 0 {
		if _, err := fmt.Fprintln(w, "OK       the gateway works, and no tenant has a fault"); err != nil {
			return err
		}
	}
	if more := o.FaultyTotal - len(o.Faulty); more > 0 {
		if _, err := fmt.Fprintf(w, "         … and %s with faults: tenantctl status --all\n", gatewaystatus.Counted(more, "more tenant", "more tenants")); err != nil {
			return err
		}
	}
	t, k := o.Tenants, o.Keys
	lines := [][]string{
		{"running", fmt.Sprintf("%s, version %s", gatewaystatus.Duration(now.Sub(o.Gateway.Started)), o.Gateway.Version)},
		{"tenants", fmt.Sprintf("%d: %d active, %d suspended, %d deleted", t.Total, t.Active, t.Suspended, t.Deleted)},
		{"active tenants", fmt.Sprintf("%d sending, %d silent, %d inactive, %d never sent", t.Sending, t.Silent, t.Inactive, t.NeverSent)},
		{"valid keys", fmt.Sprintf("%d: %d silent, %d never used", k.Active, k.Silent, k.NeverUse)},
	}
	lines = append(lines, healthLines(o.Gateway.Health)...)
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if err := rows(w, lines[0], lines[1:]); err != nil {
		return err
	}
	return writeUnknown(w, now, o.UnknownCallers)
}

// healthLines returns the registries and the lanes of the body of /health.
func healthLines(raw json.RawMessage) (lines [][]string) {
	var health struct {
		Registries map[string]struct {
			Loaded bool     `json:"loaded"`
			Hash   string   `json:"hash"`
			Source string   `json:"source"`
			Age    *float64 `json:"age_seconds"`
		} `json:"registries"`
		Lanes map[string]struct {
			Idle    int     `json:"idle"`
			Active  int     `json:"active"`
			Waiting int     `json:"waiting"`
			Open    int     `json:"open"`
			Queued  int64   `json:"queued_bytes"`
			Max     int64   `json:"max_bytes"`
			Oldest  float64 `json:"oldest_seconds"`
		} `json:"lanes"`
	}
	if err := json.Unmarshal(raw, &health); err != nil {
		return nil
	}
	for _, r := range health.Registries {
		text := "not loaded"
		if r.Loaded {
			text = fmt.Sprintf("revision %s from %s", r.Hash, r.Source)
			if r.Age != nil {
				text += ", confirmed " + gatewaystatus.Duration(time.Duration(*r.Age*float64(time.Second))) + " ago"
			}
		}
		lines = append(lines, []string{"registry", text})
	}
	for _, l := range health.Lanes {
		lines = append(lines, []string{"lanes", fmt.Sprintf("%d idle, %d active, %d waiting, %d open; %s of %s queued, the oldest for %s", l.Idle, l.Active, l.Waiting, l.Open,
			bytesize.Size(l.Queued).Rounded(), bytesize.Size(l.Max).Rounded(), gatewaystatus.Duration(time.Duration(l.Oldest*float64(time.Second))))})
	}
	return lines
}

// maxUnknownShown bounds the sources of unknown callers in a table.
const maxUnknownShown = 5

func writeUnknown(w io.Writer, now time.Time, all []activity.Unknown) error {
	var lines [][]string
	for i := range all[:min(len(all), maxUnknownShown)] {
		u := &all[i]
		var reasons []string
		for reason, n := range u.Reasons {
			reasons = append(reasons, fmt.Sprintf("%s:%d", reason, n))
		}
		slices.Sort(reasons)
		lines = append(lines, []string{shortened(u.Source, widthAddress), strconv.FormatInt(u.Count, 10), gatewaystatus.Ago(now, u.Last), shortened(strings.Join(reasons, ","), widthAnswer)})
	}
	return section(w, []string{"WITHOUT A VALID KEY, FROM", "REQUESTS", "LAST", "REASONS"}, lines)
}

func writeTenantStatus(w io.Writer, t *gatewaystatus.Tenant) error {
	now := t.Gateway.Time
	if err := writeStatusFindings(w, t.ID, t.Findings); err != nil {
		return err
	}
	var signals [][]string
	for _, name := range []string{"logs", "metrics", "traces"} {
		s := t.Signals[name]
		routes := "-"
		if names, ok := t.Routes[name]; ok {
			routes = orDash(shortened(strings.Join(names, ","), widthName))
		}
		signals = append(signals, []string{name, ago(now, s.LastAccepted), strconv.FormatInt(s.Requests, 10), strconv.FormatInt(s.Records, 10), bytesize.Size(s.Bytes).Rounded(), routes})
	}
	if err := section(w, []string{"ACCEPTED", "LAST", "REQUESTS", "RECORDS", "BYTES", "TO"}, signals); err != nil {
		return err
	}
	if err := section(w, []string{"KEY", "STATE", "LAST USED", "FROM", "PROGRAM", "EXPIRES", "DESCRIPTION"}, keyLines(now, t.Keys)); err != nil {
		return err
	}
	var rejected [][]string
	for i := range t.Rejections {
		r := &t.Rejections[i]
		rejected = append(rejected, []string{
			r.Reason, strconv.Itoa(r.Status), strconv.FormatInt(r.Count, 10), gatewaystatus.Ago(now, r.Last),
			orDash(shortened(r.Example.Client, widthAddress)), orDash(shortened(r.Example.KeyID, widthName)), orDash(r.Example.Signal),
			orDash(shortened(r.Example.Text, widthAnswer)),
		})
	}
	if err := section(w, []string{"REJECTED", "STATUS", "REQUESTS", "LAST", "FROM", "KEY", "SIGNAL", "ANSWER"}, rejected); err != nil {
		return err
	}
	if err := section(w, []string{"LANE", "SIGNAL", "STATE", "QUEUED", "OLDEST", "DELIVERED", "LAST ANSWER"}, laneLines(now, t.Lanes)); err != nil {
		return err
	}
	var letters [][]string
	for i := range t.DeadLetters {
		d := &t.DeadLetters[i]
		requests, records, answer := "of an earlier run", "-", "-"
		if d.Requests > 0 {
			requests, records = strconv.FormatInt(d.Requests, 10), strconv.FormatInt(d.Records, 10)
		}
		if d.Last != nil {
			answer = d.Last.Text
		}
		letters = append(letters, []string{shortened(d.Destination, widthName), orDash(d.Signal), requests, records, shortened(answer, widthAnswer)})
	}
	if err := section(w, []string{"DEAD LETTERS", "SIGNAL", "REQUESTS", "RECORDS", "LAST ANSWER"}, letters); err != nil {
		return err
	}
	var quotas [][]string
	for _, q := range t.Quotas {
		amount := func(n int64) string { return strconv.FormatInt(n, 10) }
		if q.Unit == "bytes" {
			amount = func(n int64) string { return bytesize.Size(n).Rounded() }
		}
		used := "-"
		if q.Period != "second" {
			used = amount(q.Used)
		}
		quotas = append(quotas, []string{q.Signal, "per " + q.Period, q.Unit, used, amount(q.Limit), fmt.Sprintf("%.0f %%", 100*q.Share)})
	}
	if err := section(w, []string{"LIMIT", "PERIOD", "UNIT", "USED", "OF", "SHARE"}, quotas); err != nil {
		return err
	}
	if t.Sending == gatewaystatus.SendingNow && !slices.ContainsFunc(t.Findings, func(f gatewaystatus.Finding) bool { return f.ID == gatewaystatus.FindingWrongKey }) {
		return nil // it is not among those without a key
	}
	return writeUnknown(w, now, t.UnknownCallers)
}

// keyLines has one line for each key and source.
func keyLines(now time.Time, keys []gatewaystatus.Key) (lines [][]string) {
	for i := range keys {
		k := &keys[i]
		expires := "-"
		if k.ExpiresAt != nil {
			expires = k.ExpiresAt.Format(time.RFC3339)
		}
		line := []string{k.ID, k.State, ago(now, k.LastUsed), "-", "-", expires, orDash(shortened(k.Description, widthDescription))}
		for n, s := range k.Sources {
			if n > 0 {
				line = []string{"", "", "", "", "", "", ""}
			}
			line[2], line[3], line[4] = gatewaystatus.Ago(now, s.Last), s.Address.String(), orDash(program(s.UserAgent))
			lines = append(lines, line)
		}
		if len(k.Sources) == 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

func laneLines(now time.Time, lanes []activity.Lane) (lines [][]string) {
	for i := range lanes {
		l := &lanes[i]
		oldest, answer := "-", "-"
		if l.Oldest != nil {
			oldest = gatewaystatus.Duration(now.Sub(*l.Oldest))
		}
		if l.LastAnswer != nil {
			answer = l.LastAnswer.Text
			if l.LastAnswer.URL != "" && !strings.Contains(answer, l.LastAnswer.URL) {
				answer += " at " + l.LastAnswer.URL
			}
		}
		lines = append(lines, []string{shortened(l.Destination, widthName), l.Signal, l.State, bytesize.Size(l.QueuedBytes).Rounded(), oldest, ago(now, l.LastDelivered), shortened(answer, widthAnswer)})
	}
	return lines
}

// printTenantLines prints the list of all tenants.
func (a *app) printTenantLines(ctx context.Context, client *gatewaystatus.Client) error {
	all := []gatewaystatus.Line{}
	errors := 0
	for after := ""; ; {
		page, err := client.Tenants(ctx, after, gatewaystatus.MaxPage)
		if err != nil {
			return err
		}
		all = append(all, page.Tenants...)
		if after = page.Next; after == "" {
			break
		}
	}
	now := a.now()
	var lines [][]string
	for i := range all {
		line := &all[i]
		what := "-"
		if len(line.Findings) > 0 && line.Findings[0].Severity.Bad() {
			what = shortened(line.Findings[0].Message, widthAnswer)
		}
		errors += gatewaystatus.Errors(line.Findings)
		lines = append(lines, []string{line.ID, line.Status, string(line.Sending), ago(now, line.LastAccepted), what})
	}
	if err := a.print(all, func(w io.Writer) error {
		return rows(w, []string{"ID", "STATUS", "SENDING", "LAST DATA", "FINDING"}, lines)
	}); err != nil {
		return err
	}
	return errorsFound(errors)
}
