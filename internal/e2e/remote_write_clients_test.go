// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otelcol-tenant/otelcol-tenant/internal/operate"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/process"
)

// writeRequest returns a request of remote write 1.0 with one sample of a metric.
func writeRequest(metric string, value float64) []byte {
	field := func(n protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), content)
	}
	label := append(field(1, []byte("__name__")), field(2, []byte(metric))...)
	sample := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), math.Float64bits(value))
	sample = protowire.AppendVarint(protowire.AppendTag(sample, 2, protowire.VarintType), uint64(time.Now().UnixMilli()))
	return snappy.Encode(nil, field(1, append(field(1, label), field(2, sample)...)))
}

// remoteWrite sends a request of remote write to a URL. Its error means that there was no
// whole answer.
func remoteWrite(t *testing.T, client *http.Client, url, authorization string, body []byte) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// basicAuth returns an Authorization header.
func basicAuth(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// The statuses are those of the table in the README of the receiver, for bearer tokens and
// for basic authentication with the key as password.
func TestRemoteWrite_KeysAndStatuses(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", "acme", "bolt", "suspended", "daily")
	r.reg.ctl("tenant", "suspend", "suspended")
	r.reg.ctl("tenant", "update", "daily", "--limit", "metrics.daily_records=1")
	_, logsOnly := r.reg.key("acme", "--scopes", "logs")
	g := r.run()
	key := r.keys["acme"]
	for _, test := range []struct {
		name, authorization string
		status              int
	}{
		{"bearer", "Bearer " + key, 204},
		{"basic without a user", basicAuth("", key), 204},
		{"basic with the tenant as user", basicAuth("acme", key), 204},
		{"no key", "", 401},
		{"wrong key", "Bearer " + key[:len(key)-1], 401},
		{"basic with a wrong key", basicAuth("acme", key[:len(key)-1]), 401},
		{"basic with another tenant as user", basicAuth("bolt", key), 401},
		{"basic with the key as user", basicAuth(key, ""), 401},
		{"suspended", "Bearer " + r.keys["suspended"], 403},
		{"basic, suspended", basicAuth("suspended", r.keys["suspended"]), 403},
		{"key for logs", basicAuth("acme", logsOnly), 403},
		{"quota", basicAuth("daily", r.keys["daily"]), 204},
		{"quota used up", "Bearer " + r.keys["daily"], 429},
		{"basic, quota used up", basicAuth("daily", r.keys["daily"]), 429},
	} {
		resp, text, err := remoteWrite(t, http.DefaultClient, "http://"+r.remoteWrite+"/api/v1/write", test.authorization, writeRequest("m", 1))
		require.NoError(t, err, test.name)
		assert.Equal(t, test.status, resp.StatusCode, "%s: %s", test.name, text)
		assert.Equal(t, map[int]string{401: "Bearer"}[test.status], resp.Header.Get("WWW-Authenticate"), test.name)
		assert.Equal(t, test.status == 429, resp.Header.Get("Retry-After") != "", test.name)
		assert.NotContains(t, text, key[:len(key)-1], test.name)
	}
	r.drained()
	assert.Equal(t, 4, r.total().delivered, "three of acme and one within the quota")
	g.stop()
}

// TestRemoteWrite_ThroughProxies sends through the proxies of docs/proxies.md.
func TestRemoteWrite_ThroughProxies(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", "acme")
	g := r.run()
	large, tooLarge := make([]byte, 4<<20), make([]byte, 21<<20)
	_, _ = rand.Read(large)
	_, _ = rand.Read(tooLarge)
	for name, newProxy := range proxyKinds() {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, r)
			send := func(authorization string, body []byte) (int, string) {
				resp, text, err := remoteWrite(t, p.client(false), "https://"+p.addr+"/api/v1/write", authorization, body)
				require.NoError(t, err)
				return resp.StatusCode, text
			}
			status, text := send(basicAuth("acme", r.keys["acme"]), writeRequest("m", 1))
			assert.Equal(t, http.StatusNoContent, status, text)
			status, text = send("Bearer obs_wrong", writeRequest("m", 1))
			assert.Equal(t, http.StatusUnauthorized, status, text)
			status, text = send("Bearer "+r.keys["acme"], large)
			assert.Equal(t, http.StatusBadRequest, status, "the gateway, and no limit of the proxy, rejects it: %s", text)
			if name == "nginx" { // the others end the connection while the client still sends
				status, text = send("Bearer "+r.keys["acme"], tooLarge)
				assert.Equal(t, http.StatusRequestEntityTooLarge, status)
				assert.NotContains(t, text, "<html>", "the text is the gateway's")
			}
		})
	}
	g.stop()
}

// vmagentOf starts a real vmagent with the script of tenantctl onboard. It scrapes exporter.
func vmagentOf(t *testing.T, r *rig, key string) (exporter *scrapes, setKey func(string)) {
	t.Helper()
	agent := realBackend(t, "vmagent")
	exporter = newScrapes(t)
	dir, addr := t.TempDir(), addresses(t, 1)[0]
	keyFile := filepath.Join(dir, "gateway.key")
	setKey = func(key string) { require.NoError(t, os.WriteFile(keyFile, []byte(key+"\n"), 0o600)) }
	setKey(key)
	config := filepath.Join(dir, "scrape.yml")
	require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf(
		"scrape_configs:\n  - {job_name: j, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{targets: [%q]}]}\n", exporter.target)), 0o600))
	var o operate.OnboardingView
	out := r.reg.ctl("onboard", "acme", "--endpoint", "http://"+r.http, "--remote-write-url", "http://"+r.remoteWrite)
	require.NoError(t, json.Unmarshal([]byte(out), &o), out)
	script := filepath.Join(dir, "vmagent.sh")
	require.NoError(t, os.WriteFile(script, []byte(adapted(t, o.VMAgentScript, "exec vmagent", "exec '"+agent+"'", operate.KeyFile, keyFile)), 0o600))
	newStore(t, addr, "/health", process.Settings{Path: "/bin/sh", Args: []string{
		script, "-httpListenAddr=" + addr, "-promscrape.config=" + config, "-remoteWrite.tmpDataPath=" + filepath.Join(dir, "queue"), "-remoteWrite.flushInterval=200ms",
	}})
	return exporter, setKey
}

// metricsTo is an overlay that routes metrics to a sink.
func metricsTo(s *sink) string {
	return `
    allow_private_endpoints: [127.0.0.1]
    destinations:
      sink: {otlp_grpc: {endpoint: "` + s.grpc + `", tls: {insecure: true}}}
    routes: {metrics: [sink]}` + fastRetry
}

// valuesOf returns the values of a counter that the sink has.
func valuesOf(s *sink, metric string) map[int64]bool {
	got := map[int64]bool{}
	for _, md := range s.metrics.AllMetrics() {
		for _, m := range metricsOf(md) {
			if m.Name() != metric {
				continue
			}
			for _, p := range m.Sum().DataPoints().All() {
				got[int64(p.DoubleValue())] = true
			}
		}
	}
	return got
}

// missingValues returns which of the values 1 to last of a counter the sink has not.
func missingValues(s *sink, metric string, last int64) (missing []int64) {
	got := valuesOf(s, metric)
	for n := int64(1); n <= last; n++ {
		if !got[n] {
			missing = append(missing, n)
		}
	}
	return missing
}

// vmagent retries without end what is answered with 401, and delivers all of it once the key
// is valid.
func TestRemoteWrite_VMAgentWithAWrongKey(t *testing.T) {
	t.Parallel()
	s := newSink(t)
	r := newRig(t, metricsTo(s), "acme")
	g := r.run()
	exporter, setKey := vmagentOf(t, r, "obs_k00000000_wrong")
	answers := regexp.MustCompile(`(?m)^otelcol_receiver_prometheus_remote_write_requests_total\{code="401",.*\} ([0-9]+)$`)
	refused := func() int {
		m := answers.FindSubmatch(get(t, "http://"+r.metrics+"/metrics"))
		if m == nil {
			return 0
		}
		n, err := strconv.Atoi(string(m[1]))
		require.NoError(t, err)
		return n
	}
	require.Eventually(t, func() bool { return refused() >= 3 }, time.Minute, 50*time.Millisecond, "it retries")
	assert.Empty(t, s.metrics.AllMetrics())
	before := exporter.count()
	require.Greater(t, before, int64(3))
	setKey(r.keys["acme"])
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Empty(c, exporter.missing(valuesOf(s, "scrapes_total"), 1, before))
	}, time.Minute, 100*time.Millisecond, "what was scraped while the key was wrong")
	g.stop()
}

// The gateway is restarted twice while vmagent and eight other senders write. What was
// acknowledged is delivered, and vmagent's samples are all delivered.
func TestRemoteWrite_GatewayRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	s := newSink(t)
	r := newRig(t, metricsTo(s), "acme")
	g := r.run()
	exporter, _ := vmagentOf(t, r, r.keys["acme"])
	const senders = 8
	var stop atomic.Bool
	var acknowledged [senders]atomic.Int64 // the last value: each sender repeats one until it is
	var group sync.WaitGroup
	for n := range senders {
		group.Go(func() {
			for !stop.Load() {
				resp, _, err := remoteWrite(t, http.DefaultClient, "http://"+r.remoteWrite+"/api/v1/write", "Bearer "+r.keys["acme"],
					writeRequest(fmt.Sprintf("sender%d_total", n), float64(acknowledged[n].Load()+1)))
				if err == nil && resp.StatusCode == http.StatusNoContent {
					acknowledged[n].Add(1)
					continue
				}
				time.Sleep(10 * time.Millisecond) // between attempts while nothing listens
			}
		})
	}
	sum := func() (sum int64) {
		for n := range senders {
			sum += acknowledged[n].Load()
		}
		return sum
	}
	for range 2 {
		from, scraped := sum(), exporter.count()
		require.Eventually(t, func() bool { return sum() > from+200 && exporter.count() > scraped+3 }, time.Minute, 20*time.Millisecond)
		g.stop()
		g = r.run()
	}
	from := sum()
	require.Eventually(t, func() bool { return sum() > from+50 }, time.Minute, 20*time.Millisecond)
	stop.Store(true)
	group.Wait()
	last := exporter.count()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Greater(c, exporter.count(), last+1, "it is known which scrapes were read")
		assert.Empty(c, exporter.missing(valuesOf(s, "scrapes_total"), 1, last), "of vmagent")
		for n := range senders {
			assert.Empty(c, missingValues(s, fmt.Sprintf("sender%d_total", n), acknowledged[n].Load()), "of sender %d", n)
		}
	}, time.Minute, 200*time.Millisecond)
	assert.Zero(t, r.total().dropped)
	assert.Equal(t, map[string][]string{}, r.dead("acme"))
	g.stop()
}
