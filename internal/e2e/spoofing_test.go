// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// victim is the tenant that the callers in the table claim to be. It appears nowhere in the
// gateway's data.
const victim = "victim"

// spoof is one way to claim another tenant.
type spoof struct {
	name       string
	headers    []string // names and values; a name may occur twice
	attributes []string // OTLP JSON, on resource, scope and record
	refused    bool
}

func jsonAttribute(key, value string) string {
	return fmt.Sprintf(`{"key":%q,"value":{%s}}`, key, value)
}

func spoofs() []spoof {
	str := func(v string) string { return fmt.Sprintf(`"stringValue":%q`, v) }
	all := []spoof{
		{"nothing", nil, nil, false},
		{"header", []string{"x-business-id", victim}, nil, true},
		{"header in capitals", []string{"X-BUSINESS-ID", victim}, nil, true},
		{"header after the own", []string{"x-business-id", "caller", "X-Business-Id", victim}, nil, true},
		{"header before the own", []string{"x-business-id", victim, "X-Business-Id", "caller"}, nil, true},
		{"header with a list", []string{"x-business-id", "caller," + victim}, nil, true},
		{"header with blanks", []string{"x-business-id", "caller " + victim}, nil, true},
		{"header percent-encoded", []string{"x-business-id", "%63aller"}, nil, true},
		{"header oversized", []string{"x-business-id", strings.Repeat(victim, 600)}, nil, true},
		{"org ID", []string{"X-Scope-OrgID", victim}, nil, true},
		{"org ID in small letters", []string{"x-scope-orgid", victim}, nil, true},
		{"org ID federated", []string{"X-Scope-OrgID", "caller|" + victim}, nil, true},
		{"own header", []string{"x-business-id", "caller", "X-Scope-OrgID", "caller"}, nil, false},
		{"reserved metadata key", []string{"x-tenant-id", victim}, nil, false},
		{"binary metadata", []string{"x-business-id-bin", victim, "x-tenant-id-bin", victim}, nil, false},
		{"baggage and forwarded", []string{"baggage", "business_id=" + victim, "x-forwarded-for", "10.0.0.1"}, nil, false},
		{"attribute twice", nil, []string{jsonAttribute("business_id", str("caller")), jsonAttribute("business_id", str(victim))}, false},
		{"attribute twice, the own last", nil, []string{jsonAttribute("business_id", str(victim)), jsonAttribute("business_id", str("caller"))}, false},
		{"all at once", []string{"x-tenant-id", victim}, []string{jsonAttribute("business_id", str(victim)), jsonAttribute("business.id", str(victim))}, false},
	}
	for name, value := range map[string]string{
		"string": str(victim), "empty": str(""), "in capitals": str("CALLER " + victim), "percent-encoded": str("%76ictim " + victim),
		"look-alike letter": str("vіctim " + victim), "with a NUL": `"stringValue":"caller\u0000` + victim + `"`, "path": str("../" + victim),
		"oversized": str(strings.Repeat(victim, 20_000)), "int": `"intValue":"7"`, "double": `"doubleValue":1.5`, "bool": `"boolValue":true`,
		"bytes": `"bytesValue":"dmljdGlt"`, "list": `"arrayValue":{"values":[{` + str(victim) + `}]}`,
		"map": `"kvlistValue":{"values":[` + jsonAttribute("business_id", str(victim)) + `]}`, "no value": ``,
	} {
		all = append(all, spoof{"attribute: " + name, nil, []string{jsonAttribute("business_id", value)}, false})
	}
	for _, key := range []string{"business.id", "business-id", "business id", "business__id", "business\u00b7id"} {
		all = append(all, spoof{"attribute named " + key, nil, []string{jsonAttribute(key, str(victim))}, false})
	}
	return all
}

// request returns one record of the signal that names the tenant everywhere.
func (s *spoof) request(t *testing.T, signal tenant.Signal) (proto []byte, send func(*clients, metadata.MD) error) {
	t.Helper()
	at := `"attributes":[` + strings.Join(s.attributes, ",") + `]`
	var err error
	switch signal {
	case tenant.Logs:
		r := plogotlp.NewExportRequest()
		require.NoError(t, r.UnmarshalJSON([]byte(`{"resourceLogs":[{"resource":{`+at+`},"scopeLogs":[{"scope":{`+at+`},"logRecords":[{`+at+`}]}]}]}`)), s.name)
		proto, err = r.MarshalProto()
		send = func(c *clients, md metadata.MD) error {
			_, err := plogotlp.NewGRPCClient(c.conn).Export(metadata.NewOutgoingContext(t.Context(), md), r)
			return err
		}
	case tenant.Metrics:
		r := pmetricotlp.NewExportRequest()
		require.NoError(t, r.UnmarshalJSON([]byte(`{"resourceMetrics":[{"resource":{`+at+`},"scopeMetrics":[{"scope":{`+at+`},"metrics":[{"name":"m","sum":{"dataPoints":[{`+at+`,"asInt":"1"}]}}]}]}]}`)), s.name)
		proto, err = r.MarshalProto()
		send = func(c *clients, md metadata.MD) error {
			_, err := pmetricotlp.NewGRPCClient(c.conn).Export(metadata.NewOutgoingContext(t.Context(), md), r)
			return err
		}
	default:
		r := ptraceotlp.NewExportRequest()
		require.NoError(t, r.UnmarshalJSON([]byte(`{"resourceSpans":[{"resource":{`+at+`},"scopeSpans":[{"scope":{`+at+`},"spans":[{"name":"s",`+at+`}]}]}]}`)), s.name)
		proto, err = r.MarshalProto()
		send = func(c *clients, md metadata.MD) error {
			_, err := ptraceotlp.NewGRPCClient(c.conn).Export(metadata.NewOutgoingContext(t.Context(), md), r)
			return err
		}
	}
	require.NoError(t, err)
	return proto, send
}

// postAs sends headers exactly as given, including repeated ones.
func postAs(t *testing.T, addr, signal string, body []byte, headers []string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/v1/"+signal, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-protobuf")
	for n := 0; n < len(headers); n += 2 {
		req.Header[headers[n]] = append(req.Header[headers[n]], headers[n+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

// TestSpoofing_EndsAsTheKeysTenantOrARefusal claims another tenant in every place where a
// caller can, in all signals and over both protocols, at the shipped gateway.
func TestSpoofing_EndsAsTheKeysTenantOrARefusal(t *testing.T) { eachWay(t, testSpoofing) }

func testSpoofing(t *testing.T) {
	reg := newRegistry(t)
	reg.ctl("tenant", "create", "caller")
	reg.ctl("tenant", "create", victim)
	_, key := reg.key("caller")
	g := startGateway(t, reg)
	c := newClients(t, g.grpc, g.http)
	want := int64(0)
	for _, s := range spoofs() {
		headers := append([]string{"Authorization", "Bearer " + key}, s.headers...)
		md := metadata.MD{}
		for n := 0; n < len(headers); n += 2 {
			md.Append(headers[n], headers[n+1])
		}
		for _, signal := range tenant.AllSignals() {
			proto, send := s.request(t, signal)
			status, code := status.Code(send(c, md)), postAs(t, g.http, signal.String(), proto, headers)
			if s.refused {
				assert.Equal(t, codes.Unauthenticated, status, "%s, %s", s.name, signal)
				assert.Equal(t, http.StatusUnauthorized, code, "%s, %s", s.name, signal)
				continue
			}
			assert.Equal(t, codes.OK, status, "%s, %s", s.name, signal)
			assert.Equal(t, http.StatusOK, code, "%s, %s", s.name, signal)
			want += 2
		}
	}
	reader, got := archive.NewReader(g.data), map[string]int64{}
	require.Eventually(t, func() bool {
		require.NoError(t, reader.Poll(counting(t, got)))
		return got["caller"] >= want
	}, time.Minute, 50*time.Millisecond)
	g.stop()
	require.NoError(t, reader.Poll(counting(t, got)))
	assert.Equal(t, map[string]int64{"caller": want}, got)
	require.NoError(t, filepath.WalkDir(g.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		assert.NotContains(t, string(data), victim)
		assert.NotContains(t, path, victim)
		return err
	}))
}
