// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// Answers of Loki 3, and how many of 10 records each rejects.
func TestLokiRejections(t *testing.T) {
	const (
		long    = `max entry size '262144' bytes exceeded for stream '{service_name="a"}' while adding an entry with length '300000' bytes`
		longer  = `max entry size '262144' bytes exceeded for stream '{service_name="a; b"}' while adding an entry with length '400000' bytes`
		former  = `Max entry size 262144 bytes exceeded for stream '{a="b"}' while adding an entry with length 300000 bytes`
		old     = `entry for stream '{service_name="a"}' has timestamp too old: 2026-11-01T00:00:00Z, oldest acceptable timestamp is: 2026-11-23T10:00:00Z`
		new     = `entry for stream '{service_name="it's"}' has timestamp too new: 2026-12-30T00:00:00Z`
		large   = `stream '{a="b"}' has structured metadata too large: '70000' bytes, limit: '65536' bytes. Please see ` + "`limits_config.max_structured_metadata_size`" + ` or contact your Loki administrator to increase it`
		many    = `stream '{a="b"}' has too many structured metadata labels: '200', limit: '128'. Please see ` + "`limits_config.max_structured_metadata_entries_count`" + ` or contact your Loki administrator to increase it`
		off     = `stream '{a="b"}' includes structured metadata, but this feature is disallowed. Please see ` + "`limits_config.allow_structured_metadata`" + ` or contact your Loki administrator to enable it`
		labels  = `entry for stream '{a="b"}' has 16 label names; limit 15`
		name    = `stream '{a="b"}' has label name too long: 'x'`
		value   = `stream '{a="b"}' has label value too long: 'x'`
		twice   = `stream '{a="b"}' has duplicate label name: 'a'`
		missing = `missing required labels 'a' for user 'x' for stream '{a="b"}' (policy: '')`
		behind  = "entry with timestamp 2026-11-30 10:00:00 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: x, oldest acceptable timestamp is: y',\n"
	)
	group := func(parts ...any) string {
		var all []string
		for i := 0; i < len(parts); i += 2 {
			all = append(all, fmt.Sprintf("%d errors like: %s", parts[i], parts[i+1]))
		}
		return strings.Join(all, "; ")
	}
	for _, c := range []struct {
		name, message string
		want          int
	}{
		{"one line too long", long, 1},
		{"of a stream that looks like a list", longer, 1},
		{"as before 3.7", former, 1},
		{"too old", old, 1},
		{"too new", new, 1},
		{"metadata too large", large, 1},
		{"too much metadata", many, 1},
		{"metadata not allowed", off, 1},
		{"several of a kind", group(3, old), 3},
		{"of several kinds", group(1, long, 2, old, 1, longer, 3, new), 7},
		{"all", group(9, old, 1, new), 10},
		{"more than there are", group(9, old, 2, new), 0},
		{"a number beyond all bounds", "99999999999999999999 errors like: " + old, 0},
		{"none", "0 errors like: " + old, 0},
		{"labels of a stream", labels, 0},
		{"label name", name, 0},
		{"label value", value, 0},
		{"duplicate label", twice, 0},
		{"missing label", missing, 0},
		{"lines and a stream", group(2, old, 1, value), 0},
		{"something new", group(2, "bad weather"), 0},
		{"cut off", group(2, old, 1, long)[:200], 0},
		{"the ingester, of all", behind + "user 'a', total ignored: 4 out of 10 for stream: {service_name=\"a\"}", 4},
		{"the ingester, of one stream among others", behind + "user 'a', total ignored: 4 out of 9 for stream: {service_name=\"a\"}", 0},
		{"the ingester, more than all", behind + "user 'a', total ignored: 11 out of 10 for stream: {service_name=\"a\"}", 0},
		{"malformed request", "proto: illegal wireType 7", 0},
		{"invalid UTF-8", "string field contains invalid UTF-8", 0},
		{"nothing", "", 0},
		{"a list in the name of a stream", `entry for stream '{a="; 9 errors like: x"}' has label value too long: 'x'`, 0},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, lokiRejections(c.message, 10)) })
	}
}

func FuzzLokiRejections(f *testing.F) {
	f.Add("2 errors like: entry for stream '{a=\"b\"}' has timestamp too new: x; 1 errors like: y", 10)
	f.Add("user 'a', total ignored: 4 out of 10 for stream: {}", 10)
	f.Fuzz(func(t *testing.T, message string, records int) {
		n := lokiRejections(message, records)
		if n < 0 || n > max(records, 1) {
			t.Errorf("%d of %d", n, records)
		}
	})
}

// A count is taken of what is read in full only, and of 400.
func TestHTTP_RejectionsThatLokiCounts(t *testing.T) {
	message := `2 errors like: entry for stream '{a="b"}' has timestamp too new: x`
	for _, c := range []struct {
		name        string
		status      int
		contentType string
		body        string
		want        int
	}{
		{"protobuf", 400, "application/x-protobuf", statusBody(t, message), 2},
		{"as Loki sends it", 400, "application/octet-stream", statusBody(t, message), 2},
		{"text, as of its push path", 400, "text/plain", message, 2},
		{"longer than is read", 400, "text/plain", message + strings.Repeat("x", maxAnswer), 0},
		{"another status", 422, "text/plain", message, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(answer(c.status, "Content-Type: "+c.contentType, c.body))
			defer s.Close()
			got := send(t, overHTTP(t, profile(t, "loki"), s.URL, nil), logsBatch(t, "1", "2", "3"))
			assert.Equal(t, lane.Rejected, got.Verdict)
			assert.Equal(t, c.want, got.Rejected)
		})
	}
}
