// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

var fuzzNow = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)

func fuzzParse(line string) plog.LogRecord {
	rec := plog.NewLogRecord()
	rec.SetObservedTimestamp(pcommon.NewTimestampFromTime(fuzzNow))
	New(Settings{JSON: true, Strip: true, Location: time.UTC}).Parse([]byte(line), []byte(line), rec, slab.New(slab.Usage{}))
	return rec
}

// addField adds the lines of the cases of the field.
func addField(f *testing.F) {
	files, err := filepath.Glob("../../../../testdata/field/*.log")
	if err != nil || len(files) == 0 {
		f.Fatal("no cases", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, line := range strings.Split(string(data), "\n") {
			if len(line) < 1024 {
				f.Add(line)
			}
		}
	}
}

// For any line, the trace and span that are read occur in it, the time is plausible, and a
// level of text is one of its words.
func FuzzParser_MakesNothingUp(f *testing.F) {
	addField(f)
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.ToValidUTF8(line, "\uFFFD")
		rec := fuzzParse(line)
		plain := strings.ToLower(line)
		if strings.ContainsAny(line, "\\\x1b") {
			return // a JSON string or colors may spell it in another way
		}
		if id := rec.TraceID(); !id.IsEmpty() {
			text := id.String()
			decimal := strconv.FormatUint(binary.BigEndian.Uint64(id[8:]), 10)
			xray := text[:8] + "-" + text[8:]
			short := strings.TrimLeft(text, "0")
			if !strings.Contains(plain, text) && !strings.Contains(plain, decimal) && !strings.Contains(plain, xray) && !strings.Contains(plain, short) {
				t.Fatalf("%q: trace %s", line, text)
			}
		}
		if id := rec.SpanID(); !id.IsEmpty() {
			decimal := strconv.FormatUint(binary.BigEndian.Uint64(id[:]), 10)
			if !strings.Contains(plain, hex.EncodeToString(id[:])) && !strings.Contains(plain, decimal) {
				t.Fatalf("%q: span %s", line, id)
			}
		}
		if at := rec.Timestamp().AsTime(); rec.Timestamp() != 0 && (at.Year() < 1995 || at.After(fuzzNow.AddDate(1, 0, 1))) {
			t.Fatalf("%q: time %s", line, at)
		}
		if n := rec.SeverityNumber(); n < 0 || n > 24 {
			t.Fatalf("%q: severity %d", line, n)
		}
	})
}

// A line of logfmt gives back what it was made of.
func FuzzLogfmt_ReadsWhatWasWritten(f *testing.F) {
	f.Add("order accepted", "customer", "a \"b\" =c", int64(17))
	f.Add("", "x.y-z", "\\\t", int64(-1))
	f.Fuzz(func(t *testing.T, message, key, value string, n int64) {
		message, value = strings.ToValidUTF8(message, "?"), strings.ToValidUTF8(value, "?")
		for _, r := range message + value {
			if r < ' ' || r == 0x7f || r == '\x1b' || r >= 0x80 && !strconv.IsPrint(r) {
				t.Skip() // strconv has escapes of its own for them
			}
		}
		if key = "x" + key; keyLen([]byte(key)) != len(key) || len(key) > 64 || known.of([]byte(key)) != 0 || key == "xn" {
			t.Skip()
		}
		rec := fuzzParse(fmt.Sprintf(`time=2026-10-05T07:17:42.118Z level=warn msg=%q %s=%q xn=%d`, message, key, value, n))
		attrs := rec.Attributes().AsRaw()
		if rec.SeverityNumber() != plog.SeverityNumberWarn || rec.Timestamp().AsTime() != time.Date(2026, 10, 5, 7, 17, 42, 118_000_000, time.UTC) {
			t.Fatalf("%d %s", rec.SeverityNumber(), rec.Timestamp().AsTime())
		}
		if message != "" && rec.Body().AsString() != message || attrs[key] != value {
			t.Fatalf("%q %v, not %q and %s=%q", rec.Body().AsString(), attrs, message, key, value)
		}
		if got := fmt.Sprint(attrs["xn"]); got != strconv.FormatInt(n, 10) {
			t.Fatalf("xn is %s, not %d", got, n)
		}
	})
}

// A line of an access log gives back what it was made of.
func FuzzAccess_ReadsWhatWasWritten(f *testing.F) {
	f.Add(uint8(0), "orders", "id=1", uint16(200), int64(512), "curl/8")
	f.Add(uint8(3), "a b", "", uint16(503), int64(-1), `say "x" \`)
	methods := []string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}
	clients := []string{"10.1.2.3", "2001:db8::17", "::1", "::ffff:10.1.2.3", "-"}
	f.Fuzz(func(t *testing.T, which uint8, path, query string, status uint16, size int64, agent string) {
		escape := func(s string) string {
			var b strings.Builder
			for i := range len(s) {
				if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '?' || c == '%' || c == '\\' {
					fmt.Fprintf(&b, "%%%02X", c)
				} else {
					b.WriteByte(c)
				}
			}
			return b.String()
		}
		method, client := methods[int(which)%len(methods)], clients[int(which)%len(clients)]
		path, query = "/"+escape(path), escape(query)
		code := 100 + int64(status)%500
		agent = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.Map(func(r rune) rune {
			if r < ' ' || r >= 0x7f {
				return 'x'
			}
			return r
		}, agent))
		length := "-"
		if size >= 0 && size < 1e17 {
			length = strconv.FormatInt(size, 10)
		}
		rec := fuzzParse(fmt.Sprintf(`%s - - [05/Oct/2026:09:17:42 +0200] "%s %s?%s HTTP/1.1" %d %s "-" "%s"`, client, method, path, query, code, length, agent))
		attrs := rec.Attributes().AsRaw()
		if attrs[attributeMethod] != method || attrs[attributePath] != path || attrs[attributeStatus] != code {
			t.Fatalf("%v: not %s %s %d", attrs, method, path, code)
		}
		if got, _ := attrs[attributeQuery].(string); got != query {
			t.Fatalf("query %q, not %q", got, query)
		}
		if got, has := attrs[attributeSize]; has != (length != "-") || has && fmt.Sprint(got) != length {
			t.Fatalf("size %v, not %s", got, length)
		}
		if got, _ := attrs[attributeUserAgent].(string); got != agent && agent != "-" {
			t.Fatalf("agent %q, not %q", got, agent)
		}
		if got, _ := attrs[attributeClient].(string); got != client && client != "-" {
			t.Fatalf("client %q, not %q", got, client)
		}
		if !rec.Timestamp().AsTime().Equal(time.Date(2026, 10, 5, 7, 17, 42, 0, time.UTC)) {
			t.Fatal(rec.Timestamp().AsTime())
		}
	})
}
