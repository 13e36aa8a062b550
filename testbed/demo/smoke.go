// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// runSmoke writes the whole corpus, sends OTLP with correct and with forged identities, and
// checks in the archive that all data arrived at its own tenant.
func runSmoke(ctx context.Context, s *stage, corpus string) error {
	began := time.Now()
	want := map[string]int{}
	for _, x := range s.sites {
		if err := feed(ctx, x, corpus, 0); err != nil {
			return err
		}
		var err error
		if want[x.tenant], err = recordsOf(x, corpus); err != nil {
			return err
		}
	}
	if err := sendAll(ctx, s); err != nil {
		return err
	}
	for _, x := range s.sites {
		want[x.tenant]++ // the log record of sendAll
	}
	counts, err := awaitArchive(ctx, s, want)
	if err != nil {
		return err
	}
	var faults []error
	for _, x := range s.sites {
		t := counts[x.tenant]
		fmt.Printf("%s  want %d logs\n", describe(x.tenant, t), want[x.tenant])
		faults = append(faults, check(x, t, want[x.tenant]))
	}
	if len(counts) != len(s.sites) {
		faults = append(faults, fmt.Errorf("the archive has %d tenants, want %d", len(counts), len(s.sites)))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	fmt.Printf("smoke: ok in %s\n", time.Since(began).Round(time.Millisecond))
	return nil
}

// recordsOf returns how many records the corpus files of x have.
func recordsOf(x *site, corpus string) (n int, err error) {
	for _, name := range x.files {
		raw, err := os.ReadFile(filepath.Join(corpus, name+".expect.jsonl"))
		if err != nil {
			return 0, err
		}
		n += bytes.Count(raw, []byte("\n"))
	}
	return n, nil
}

func check(x *site, t *tally, want int) error {
	var faults []error
	if t.logs != want {
		faults = append(faults, fmt.Errorf("%s has %d log records, want %d", x.tenant, t.logs, want))
	}
	if t.spans != 1 || t.points < 1 {
		faults = append(faults, fmt.Errorf("%s has %d spans and %d metric points, want 1 and at least 1", x.tenant, t.spans, t.points))
	}
	for _, stray := range t.strays {
		faults = append(faults, errors.New("isolation broken: "+stray))
	}
	for service := range t.byService {
		if service != "smoke-"+x.tenant && !strings.Contains(strings.Join(x.files, " "), service) {
			faults = append(faults, fmt.Errorf("%s has records of service %q", x.tenant, service))
		}
	}
	return errors.Join(faults...)
}

// awaitArchive polls the archive until every tenant has the expected data, and then another
// ten times, so that it also sees surplus data.
func awaitArchive(ctx context.Context, s *stage, want map[string]int) (tallies, error) {
	reader, counts := archive.NewReader(s.data), tallies{}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for extra := 10; extra > 0; {
		if err := reader.Poll(counts.handler()); err != nil {
			return nil, err
		}
		done := true
		for id, n := range want {
			t := counts[id]
			done = done && t != nil && t.logs >= n && t.spans > 0 && t.points > 0
		}
		if done {
			extra--
		}
		select {
		case <-ctx.Done():
			for _, x := range s.sites {
				if t := counts[x.tenant]; t == nil || t.logs < want[x.tenant] {
					return nil, fmt.Errorf("timed out: %s has %v, want %d logs, a span and a metric point", x.tenant, t, want[x.tenant])
				}
			}
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
	return counts, nil
}

// forged claims the other tenant in every place of a payload that can name one.
const forged = `{"attributes":[{"key":"service.name","value":{"stringValue":"smoke-%[1]s"}},{"key":"business_id","value":{"stringValue":"%[2]s"}}]}`

var payloads = map[string]string{
	"logs":    `{"resourceLogs":[{"resource":` + forged + `,"scopeLogs":[{"logRecords":[{"body":{"stringValue":"hello"},"severityText":"INFO","attributes":[{"key":"business_id","value":{"stringValue":"%[2]s"}}]}]}]}]}`,
	"metrics": `{"resourceMetrics":[{"resource":` + forged + `,"scopeMetrics":[{"metrics":[{"name":"smoke","gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":"1700000000000000000"}]}}]}]}]}`,
	"traces":  `{"resourceSpans":[{"resource":` + forged + `,"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"smoke"}]}]}]}`,
}

// sendAll sends each signal through each tenant's agent, with the other tenant's ID in the
// payload, and sends it to the gateway without a valid key or with contradictory headers.
func sendAll(ctx context.Context, s *stage) error {
	for i, x := range s.sites {
		other := s.sites[1-i].tenant
		for signal, payload := range payloads {
			body := fmt.Sprintf(payload, x.tenant, other)
			if err := post(ctx, x.otlp, signal, body, nil, http.StatusOK); err != nil {
				return fmt.Errorf("agent of %s: %w", x.tenant, err)
			}
			for what, h := range map[string]map[string]string{
				"no key":                           nil,
				"unknown key":                      {"Authorization": "Bearer " + strings.Repeat("x", 50)},
				"business ID of another tenant":    {"Authorization": "Bearer " + x.key, "x-business-id": other},
				"X-Scope-OrgID of another tenant":  {"Authorization": "Bearer " + x.key, "X-Scope-OrgID": other},
				"own and another tenant's headers": {"Authorization": "Bearer " + x.key, "x-business-id": x.tenant, "X-Scope-OrgID": other},
			} {
				if err := post(ctx, s.otlpHTTP, signal, body, h, http.StatusUnauthorized); err != nil {
					return fmt.Errorf("gateway, %s: %w", what, err)
				}
			}
		}
	}
	return nil
}

func post(ctx context.Context, addr, signal, body string, headers map[string]string, want int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v1/"+signal, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != want {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("%s answered %d, want %d: %s", signal, resp.StatusCode, want, text)
	}
	return nil
}
