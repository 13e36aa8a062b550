// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

// kindsOfText are generators of lines that no logger writes, although they contain levels,
// times and IDs.
func kindsOfText(r *rand.Rand) map[string]func() string {
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	level := func() string {
		return pick("error", "ERROR", "Error", "warn", "WARNING", "Warning", "info", "INFO", "Info", "debug", "DEBUG", "fatal", "FATAL", "trace", "notice", "critical")
	}
	word := func() string {
		return pick("order", "user", "handler", "queue", "rate", "count", "level", "time", "message", "state", "retry", "http", "status", "code", "path")
	}
	date := func() string { return fmt.Sprintf("2026-%02d-%02d", 1+r.IntN(12), 1+r.IntN(28)) }
	clock := func() string { return fmt.Sprintf("%02d:%02d:%02d", r.IntN(24), r.IntN(60), r.IntN(60)) }
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	id := func() string { return hex.EncodeToString(random(16)) }
	return map[string]func() string{
		"prose": func() string {
			return fmt.Sprintf("%s %s of the %s is a %s, and at %s the %s was %d (see %s).", pick("The", "An", "Every", "This"), level(), word(), word(), clock(), word(), r.IntN(1000), id())
		},
		"JavaScript": func() string {
			return pick("", "  ", "\t") + pick(
				fmt.Sprintf("const %s = { level: '%s', time: %d };", word(), level(), r.IntN(1e9)), fmt.Sprintf("if (%s === '%s') return %s;", word(), level(), word()),
				fmt.Sprintf("log.%s('%s', { %s });", strings.ToLower(level()), word(), word()), fmt.Sprintf("case '%s': // %s", level(), word()),
				fmt.Sprintf("throw new Error(`%s ${%s}`);", word(), word()), fmt.Sprintf("%s: %d,", level(), r.IntN(60)), fmt.Sprintf("%s: '%s',", level(), level()),
				fmt.Sprintf("// %s: %s", level(), word()), fmt.Sprintf("export const %s = %d;", strings.ToUpper(level()), r.IntN(60)), fmt.Sprintf("[%s.%s]: true,", word(), level()))
		},
		"Python": func() string {
			return pick("", "    ") + pick(fmt.Sprintf("logger.%s(\"%s\", %s)", strings.ToLower(level()), word(), word()), fmt.Sprintf("%s = %d", strings.ToUpper(level()), r.IntN(60)),
				fmt.Sprintf("except %sError as e:", word()), fmt.Sprintf("%s: str = \"%s\"", word(), level()), fmt.Sprintf("# %s %s: %s", date(), level(), word()), fmt.Sprintf("\"%s\": logging.%s,", word(), strings.ToUpper(level())))
		},
		"Java and Rust": func() string {
			return pick("", "  ") + pick(fmt.Sprintf("LOG.%s(\"%s\", %s);", strings.ToLower(level()), word(), word()), fmt.Sprintf("Level::%s => \"%s\",", level(), level()), fmt.Sprintf("%s(%d),", strings.ToUpper(level()), r.IntN(60000)),
				fmt.Sprintf("public static final int %s = %d;", strings.ToUpper(level()), r.IntN(60)), fmt.Sprintf("%s!(\"%s {}\", %s);", strings.ToLower(level()), word(), word()))
		},
		"SQL": func() string {
			return pick(fmt.Sprintf("SELECT level, time FROM %s WHERE level = '%s' AND time > '%s %s';", word(), level(), date(), clock()), fmt.Sprintf("INSERT INTO logs VALUES (%d, '%s', '%s', '%s');", r.IntN(1e6), level(), clock(), id()),
				fmt.Sprintf("  level VARCHAR(%d) DEFAULT '%s',", r.IntN(64), level()), fmt.Sprintf("-- %s: %s", level(), word()), fmt.Sprintf("(%d row%s)", r.IntN(100), pick("", "s")))
		},
		"Markdown": func() string {
			return pick(fmt.Sprintf("- **%s**: %s", level(), word()), fmt.Sprintf("| `%s` | %s | %d |", level(), word(), r.IntN(60)), fmt.Sprintf("[%s](https://example.com/%s)", level(), word()), fmt.Sprintf("[%s]: https://example.com/%s", level(), word()),
				fmt.Sprintf("## %s %s", level(), word()), fmt.Sprintf("> %s: %s", level(), word()), fmt.Sprintf("* [x] %s %s", level(), word()), fmt.Sprintf("%d. %s %s", r.IntN(20), level(), word()), "```"+strings.ToLower(level()))
		},
		"CSV": func() string {
			return pick(fmt.Sprintf("%d,%s,%s,%d", r.IntN(1e6), level(), word(), r.IntN(1e6)), fmt.Sprintf("%s;%s;%s", word(), level(), clock()), fmt.Sprintf("\"%s\",\"%s\",\"%s\"", date(), level(), id()), fmt.Sprintf("%s\t%s\t%d", word(), level(), r.IntN(1e6)))
		},
		"base64": func() string { return base64.StdEncoding.EncodeToString(random(48)) },
		"hexadecimal dump": func() string {
			b := random(16)
			return pick(fmt.Sprintf("%08x  % x  |................|", r.IntN(1e9), b), hex.EncodeToString(b)+"  "+word()+".tar.gz", fmt.Sprintf("0x%04x:  %x %x", r.IntN(65536), b[:2], b[2:4]))
		},
		"output of programs": func() string {
			return pick(fmt.Sprintf("-rw-r--r-- 1 root root %d %s %2d %s %s.log", r.IntN(1e6), pick("Oct", "Nov"), 1+r.IntN(28), clock()[:5], level()), fmt.Sprintf("root %d 0.0 0.1 %d %d ? Ss %s 0:00 %s", r.IntN(1e5), r.IntN(1e6), r.IntN(1e6), clock()[:5], word()),
				fmt.Sprintf("/dev/sda%d %d %d %d%% /", r.IntN(9), r.IntN(1e8), r.IntN(1e8), r.IntN(100)), fmt.Sprintf("%s %s: %s the %s", id()[:7], word(), level(), word()), fmt.Sprintf("+  %s: %s", level(), word()), fmt.Sprintf("diff --git a/%s b/%s", level(), word()),
				fmt.Sprintf("%s.go:%d:%d: %s is not used", word(), r.IntN(500), r.IntN(80), word()), fmt.Sprintf("ok  \t%s\t%d.%03ds", word(), r.IntN(99), r.IntN(1000)), fmt.Sprintf("%d%% [%s] %d/%d", r.IntN(100), strings.Repeat("=", r.IntN(20)), r.IntN(1000), r.IntN(1000)),
				fmt.Sprintf("%d packages, %d %ss, %d %ss", r.IntN(100), r.IntN(9), strings.ToLower(level()), r.IntN(9), strings.ToLower(level())))
		},
		"like traces": func() string {
			return pick(fmt.Sprintf("at %s we had %d orders", clock(), r.IntN(100)), fmt.Sprintf("    at the end of the %s", word()), fmt.Sprintf("  File cabinet \"%s\", line %d", word(), r.IntN(99)), fmt.Sprintf("goroutine %d waits for the %s", r.IntN(99), word()), fmt.Sprintf("Caused by a %s of the %s", word(), word()))
		},
		"settings": func() string {
			return pick(fmt.Sprintf("%s: %s", strings.ToLower(word()), level()), fmt.Sprintf("%s_LEVEL=%s", strings.ToUpper(word()), level()), fmt.Sprintf("[%s]", level()), fmt.Sprintf("%s = \"%s\"", word(), level()), fmt.Sprintf("export %s=%s", strings.ToUpper(word()), id()), fmt.Sprintf("  - %s", level()), fmt.Sprintf("<%s value=\"%s\"/>", word(), level()))
		},
		"numbers": func() string {
			return pick(fmt.Sprintf("%d", 1_700_000_000+r.IntN(90_000_000)), fmt.Sprintf("%d bytes in %d ms", r.IntN(1e9), r.IntN(1e4)), fmt.Sprintf("%d.%d.%d.%d:%d -> %d", r.IntN(255), r.IntN(255), r.IntN(255), r.IntN(255), r.IntN(65535), r.IntN(1e6)), fmt.Sprintf("%s.%06d", clock(), r.IntN(1e6)), fmt.Sprintf("%s to %s", date(), date()), fmt.Sprintf("v%d.%d.%d", r.IntN(9), r.IntN(20), r.IntN(30)))
		},
	}
}

// Nothing is read into ordinary text of any kind: no severity, no time, no trace.
func TestParser_ReadsNothingIntoTextOfManyKinds(t *testing.T) {
	const each = 12_000
	total := 0
	for name, line := range kindsOfText(rand.New(rand.NewPCG(3, 4))) {
		t.Run(name, func(t *testing.T) {
			p := New(Settings{JSON: true, Strip: true, Location: time.UTC})
			wrong := 0
			for range each {
				text := line()
				if made := madeUp(p, text); made != "" {
					if wrong++; wrong < 10 {
						t.Errorf("%s: %q", made, text)
					}
				}
				total++
			}
			assert.Zero(t, wrong)
		})
	}
	// The texts of this repository.
	lines := 0
	require.NoError(t, filepath.WalkDir("../../../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" && !strings.HasSuffix(path, "e2e/testdata") || d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "_build" || d.Name() == "applog") {
			return fs.SkipDir
		}
		switch filepath.Ext(path) {
		case ".md", ".yaml", ".js", ".mjs", ".cjs", ".go", ".sh", ".mod", ".sum", ".service":
		default:
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		p := New(Settings{JSON: true, Strip: true, Location: time.UTC})
		fenced := false
		for scan := bufio.NewScanner(f); scan.Scan(); {
			line := scan.Text()
			if filepath.Ext(path) == ".md" { // code in documents shows lines of logs
				if strings.HasPrefix(strings.TrimSpace(line), "```") {
					fenced = !fenced
				}
				if fenced || strings.HasPrefix(line, "    ") {
					continue
				}
			}
			lines++
			if made := madeUp(p, line); made != "" {
				t.Errorf("%s: %s: %q", path, made, line)
			}
		}
		return nil
	}))
	t.Logf("%d generated lines, %d of this repository", total, lines)
	assert.GreaterOrEqual(t, total, 150_000)
	assert.GreaterOrEqual(t, lines, 30_000)
}

// idKey matches what must precede the ID of a trace.
var idKey = regexp.MustCompile("(?i)(?:^|[^?&])\\btrace(?:[_.-]?id)?[\"'`\\\\]* ?[:=,][ \"'`\\\\]*$")

// madeUp says what a line was taken for. A trace whose ID follows its key is not made up,
// unless it is that of a sample of OpenMetrics.
func madeUp(p *Parser, line string) string {
	rec := plog.NewLogRecord()
	rec.SetObservedTimestamp(pcommon.NewTimestampFromTime(fuzzNow))
	text := []byte(strings.ToValidUTF8(line, "\uFFFD"))
	p.Parse(text, text, rec, slab.New(slab.Usage{}))
	if rec.SeverityNumber() == 0 && rec.Timestamp() == 0 && rec.TraceID().IsEmpty() && rec.SpanID().IsEmpty() {
		return ""
	}
	if rec.SeverityNumber() == 0 && rec.Timestamp() == 0 && !rec.TraceID().IsEmpty() && !strings.Contains(line, "# {") {
		id := strings.TrimPrefix(rec.TraceID().String(), strings.Repeat("0", 16))
		if before, _, found := strings.Cut(strings.ToLower(line), id); found && idKey.MatchString(before) {
			return ""
		}
	}
	return fmt.Sprintf("%d %q %s %s", rec.SeverityNumber(), rec.SeverityText(), rec.Timestamp().AsTime(), rec.TraceID())
}

// The severity of an access log is that of its status and its time is the line's own.
func TestParser_ReadsAccessLogsAsTheyAre(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	wrong := 0
	const count = 20_000
	p := New(Settings{JSON: true, Strip: true, Location: time.UTC})
	for range count {
		at := fuzzNow.Add(-time.Duration(r.IntN(1e6)) * time.Second)
		status := []int{200, 201, 204, 301, 304, 400, 401, 404, 429, 499, 500, 502, 503}[r.IntN(13)]
		agent := []string{"curl/8", "Mozilla/5.0 (error; ERROR 500) info", "-", `say \"warn\"`, "trace_id=4bf92f3577b34da6"}[r.IntN(5)]
		target := []string{"/", "/error", "/orders?level=fatal", "/2026-10-05T09:17:42Z", "/%20?time=12:30"}[r.IntN(5)]
		line := fmt.Sprintf(`10.%d.2.3 - %s [%s] "GET %s HTTP/1.1" %d %d "-" "%s"`, r.IntN(255), []string{"-", "alice", "error"}[r.IntN(3)], at.Format("02/Jan/2006:15:04:05 -0700"), target, status, r.IntN(1e6), agent)
		rec := plog.NewLogRecord()
		rec.SetObservedTimestamp(pcommon.NewTimestampFromTime(fuzzNow))
		p.Parse([]byte(line), []byte(line), rec, slab.New(slab.Usage{}))
		want := plog.SeverityNumberInfo
		if status >= 500 {
			want = plog.SeverityNumberError
		} else if status >= 400 {
			want = plog.SeverityNumberWarn
		}
		if rec.SeverityNumber() != want || !rec.Timestamp().AsTime().Equal(at) || !rec.TraceID().IsEmpty() {
			if wrong++; wrong < 10 {
				t.Errorf("%d %s %s: %q", rec.SeverityNumber(), rec.Timestamp().AsTime(), rec.TraceID(), line)
			}
		}
	}
	assert.Zero(t, wrong)
}
