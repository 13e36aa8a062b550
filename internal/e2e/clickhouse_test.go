// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/testbed/archive"
)

// clickHouse is an embedded ClickHouse with SigNoz's tables of logs.
type clickHouse struct {
	t       *testing.T
	project string
	folder  string
}

func newClickHouse(t *testing.T) *clickHouse {
	t.Helper()
	acceptance(t)
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "node")
	}
	project, err := filepath.Abs(filepath.Join("testdata", "clickhouse"))
	require.NoError(t, err)
	if _, err := os.Stat(filepath.Join(project, "node_modules", "chdb")); err != nil {
		missing(t, "internal/e2e/testdata/clickhouse/node_modules (run npm install --no-save --ignore-scripts there)")
	}
	return &clickHouse{t: t, project: project, folder: filepath.Join(t.TempDir(), "clickhouse")}
}

// run runs statements and returns the rows of each.
func (c *clickHouse) run(statements ...string) [][]map[string]any {
	c.t.Helper()
	input, err := json.Marshal(statements)
	require.NoError(c.t, err)
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", filepath.Join(c.project, "query.cjs"), c.folder)
	cmd.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(c.t, err, stderr.String())
	var rows [][]map[string]any
	require.NoError(c.t, json.Unmarshal(out, &rows), "%s", out)
	require.Len(c.t, rows, len(statements))
	return rows
}

// counts returns the value of a column by two others.
func counts(rows []map[string]any) map[string]int {
	all := map[string]int{}
	for _, row := range rows {
		all[fmt.Sprint(row["business_id"], " ", row["severity_text"])] = int(row["records"].(float64))
	}
	return all
}

// logsV2Row is a row of signoz_logs.logs_v2.
type logsV2Row struct {
	TSBucketStart       int64              `json:"ts_bucket_start"`
	ResourceFingerprint string             `json:"resource_fingerprint"`
	Timestamp           int64              `json:"timestamp"`
	ObservedTimestamp   int64              `json:"observed_timestamp"`
	ID                  string             `json:"id"`
	SeverityText        string             `json:"severity_text"`
	SeverityNumber      int32              `json:"severity_number"`
	Body                string             `json:"body"`
	AttributesString    map[string]string  `json:"attributes_string"`
	AttributesNumber    map[string]float64 `json:"attributes_number"`
	AttributesBool      map[string]bool    `json:"attributes_bool"`
	ResourcesString     map[string]string  `json:"resources_string"`
}

// signozRows converts a record as SigNoz's exporter does: a bucket of 1800 s, every resource
// attribute as a string, attributes by type, the observed time for a missing time, and
// nothing for records over 15 days old. The fingerprint is the serialized resource here, and
// a hash of it in SigNoz; both are equal for equal resources only.
func signozRows(resource pcommon.Resource, records plog.LogRecordSlice, now time.Time, next func() string) (rows []logsV2Row) {
	resources := map[string]string{}
	for k, v := range resource.Attributes().All() {
		resources[k] = v.AsString()
	}
	fingerprint, err := json.Marshal(resources)
	if err != nil {
		panic(err) // a map of strings
	}
	for _, r := range records.All() {
		row := logsV2Row{
			ResourceFingerprint: string(fingerprint), Timestamp: int64(r.Timestamp()), ObservedTimestamp: int64(r.ObservedTimestamp()), ID: next(),
			SeverityText: r.SeverityText(), SeverityNumber: int32(r.SeverityNumber()), Body: r.Body().AsString(), ResourcesString: resources,
			AttributesString: map[string]string{}, AttributesNumber: map[string]float64{}, AttributesBool: map[string]bool{},
		}
		if row.ObservedTimestamp == 0 {
			row.ObservedTimestamp = now.UnixNano()
		}
		if row.Timestamp == 0 {
			row.Timestamp = row.ObservedTimestamp
		}
		if time.Unix(0, row.Timestamp).Before(now.Add(-15 * 24 * time.Hour)) {
			continue
		}
		row.TSBucketStart = row.Timestamp / 1e9 / 1800 * 1800
		for k, v := range r.Attributes().All() {
			switch v.Type() {
			case pcommon.ValueTypeInt:
				row.AttributesNumber[k] = float64(v.Int())
			case pcommon.ValueTypeDouble:
				row.AttributesNumber[k] = v.Double()
			case pcommon.ValueTypeBool:
				row.AttributesBool[k] = v.Bool()
			default:
				row.AttributesString[k] = v.AsString()
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// TestClickHouse_SeverityByTenant sends logs of two tenants through the shipped agents and
// gateway: lines of PM2, and OTLP of different ages, one of which claims the other tenant.
// It stores what the gateway delivered in an embedded ClickHouse with SigNoz's tables, and
// asks for the records of the last 15 minutes by tenant and severity. Agent, gateway and
// ClickHouse are real; SigNoz's exporter is replaced by signozRows.
func TestClickHouse_SeverityByTenant(t *testing.T) {
	db := newClickHouse(t)
	reg := newRegistry(t)
	want, total := map[string]int{}, 0
	now := time.Now()
	levels := map[int]string{20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}
	reg.ctl("tenant", "create", "acme")
	reg.ctl("tenant", "create", "globex")
	g := startGateway(t, reg, inOrder()...)
	for i, tenant := range []string{"acme", "globex"} {
		home := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(home, "logs"), 0o755))
		var lines strings.Builder
		for level, text := range levels {
			for n := range level/10 + i {
				fmt.Fprintf(&lines, `{"level":%d,"time":%d,"pid":1,"hostname":"h","msg":"line %d of %s"}`+"\n", level, now.Add(-time.Duration(n)*time.Second).UnixMilli(), n, tenant)
				want[tenant+" "+text]++
				total++
			}
		}
		require.NoError(t, os.WriteFile(filepath.Join(home, "logs", "shop-out.log"), []byte(lines.String()), 0o644))
		a := startAgent(t, g, reg, tenant, home, exact()...)
		ld := plog.NewLogs()
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", "api")
		rl.Resource().Attributes().PutStr("business_id", "globex") // a lie of acme's
		for _, c := range []struct {
			severity plog.SeverityNumber
			text     string
			age      time.Duration
			counted  bool
		}{
			{plog.SeverityNumberError, "error", time.Minute, true},
			{plog.SeverityNumberInfo, "info", 14 * time.Minute, true},
			{plog.SeverityNumberError, "error", 16 * time.Minute, false},
			{plog.SeverityNumberError, "error", 2 * time.Hour, false},
			{plog.SeverityNumberWarn, "warn", 16 * 24 * time.Hour, false}, // SigNoz drops it
		} {
			r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			r.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(-c.age)))
			r.SetSeverityNumber(c.severity)
			r.Body().SetStr("of OTLP")
			total++
			if c.counted {
				want[tenant+" "+c.text]++
			}
		}
		_, body := encoded(t, ld)
		code, answer := postProto(t, a.http, "logs", body, nil)
		require.Equal(t, http.StatusOK, code, answer)
	}

	var rows []logsV2Row
	reader, got := archive.NewReader(g.data), 0
	eventually(t, func() bool {
		require.NoError(t, reader.Poll(archive.Handler{Logs: func(_, _ string, ld plog.Logs) error {
			for _, rl := range ld.ResourceLogs().All() {
				for _, sl := range rl.ScopeLogs().All() {
					got += sl.LogRecords().Len()
					rows = append(rows, signozRows(rl.Resource(), sl.LogRecords(), now, func() string { return fmt.Sprint(len(rows), got) })...)
				}
			}
			return nil
		}}))
		return got >= total
	}, "records are missing")
	require.Equal(t, total, got)
	require.Len(t, rows, total-2)

	schema, err := os.ReadFile(filepath.Join(db.project, "logs_v2.sql"))
	require.NoError(t, err)
	var statements []string
	for _, statement := range strings.Split(string(schema), ";\n") {
		if strings.TrimSpace(statement) != "" {
			statements = append(statements, statement)
		}
	}
	var data strings.Builder
	for _, row := range rows {
		encoded, err := json.Marshal(row)
		require.NoError(t, err)
		data.Write(append(encoded, '\n'))
	}
	file := filepath.Join(t.TempDir(), "rows.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(data.String()), 0o600))
	statements = append(statements, "INSERT INTO signoz_logs.logs_v2 FROM INFILE '"+file+"' FORMAT JSONEachRow")
	db.run(statements...)

	// As SigNoz queries: the bucket bounds what is read, and begins up to 1800 s earlier.
	seed := fmt.Sprintf(`SELECT resources_string['business_id'] AS business_id, severity_text, count() AS records
FROM signoz_logs.logs_v2
WHERE timestamp >= %[1]d AND timestamp <= %[2]d AND ts_bucket_start >= %[1]d / 1000000000 - 1800 AND ts_bucket_start <= %[2]d / 1000000000
GROUP BY business_id, severity_text SETTINGS output_format_json_quote_64bit_integers = 0`, now.Add(-15*time.Minute).UnixNano(), now.UnixNano())
	result := db.run(seed)
	assert.Equal(t, want, counts(result[0]))

	// What the stack's backup of a shared tenant selects is that tenant's and complete, and
	// fits the table again.
	lib, err := os.ReadFile(filepath.Join(root, "distributions", "stacks", "signoz-oneuptime", "scripts", "lib.sh"))
	require.NoError(t, err)
	_, condition, found := strings.Cut(string(lib), "signoz_logs logs_v2 ")
	require.True(t, found)
	condition, _, _ = strings.Cut(condition, "\n")
	export := filepath.Join(t.TempDir(), "acme.native")
	result = db.run("SET param_tenant = 'acme'",
		"SELECT * FROM signoz_logs.logs_v2 WHERE "+condition+" INTO OUTFILE '"+export+"' FORMAT Native",
		"ALTER TABLE signoz_logs.logs_v2 DELETE WHERE resources_string['business_id'] = 'acme' SETTINGS mutations_sync = 2",
		"SELECT count() AS n FROM signoz_logs.logs_v2 WHERE resources_string['business_id'] = 'acme' SETTINGS output_format_json_quote_64bit_integers = 0",
		"INSERT INTO signoz_logs.logs_v2 FROM INFILE '"+export+"' FORMAT Native",
		seed)
	assert.EqualValues(t, 0, result[3][0]["n"])
	assert.Equal(t, want, counts(result[5]))
}
