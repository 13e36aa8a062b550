// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bufio"
	"fmt"
	"io/fs"
	"math/rand/v2"
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

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
)

// ordinary hands out lines that are no logger's: the source code of Go's library, and
// prose that is made of the words of loggers.
func ordinary(t *testing.T, use func(line string)) (code, prose int) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	err = filepath.WalkDir(filepath.Join(strings.TrimSpace(string(out)), "src"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || code >= 100_000 {
			return fs.SkipAll
		}
		if d.IsDir() && d.Name() == "testdata" {
			return fs.SkipDir
		}
		if ext := filepath.Ext(path); d.IsDir() || ext != ".go" && ext != ".md" && ext != ".s" && ext != ".txt" {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); code++ {
			use(lines.Text())
		}
		return nil
	})
	require.NoError(t, err)
	words := strings.Fields("the an error warning info debug of trace in and fatal is critical Error Warning Info log level time 12:30 2026 21 November trace_id span parent " +
		"at from user order 17 accepted refused failed 200 404 500 GET orders ms - | : [x] (y) x=1 msg level= 10.0.0.7 4bf92f3577b34da6 \"quoted\" it's done. http data help notice")
	random := rand.New(rand.NewPCG(1, 2))
	for ; prose < 100_000; prose++ {
		n := 3 + random.IntN(12)
		line := make([]string, n)
		for i := range line {
			line[i] = words[random.IntN(len(words))]
		}
		use(strings.Join(line, " "))
	}
	return code, prose
}

func TestParser_ReadsNothingIntoOrdinaryText(t *testing.T) {
	p := New(Settings{JSON: true, Strip: true, Location: time.UTC})
	wrong := 0
	code, prose := ordinary(t, func(line string) {
		rec := plog.NewLogRecord()
		rec.SetObservedTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)))
		text := []byte(strings.ToValidUTF8(line, "\uFFFD"))
		p.Parse(text, text, rec, slab.New(slab.Usage{}))
		if rec.SeverityNumber() != 0 || rec.Timestamp() != 0 || !rec.TraceID().IsEmpty() || !rec.SpanID().IsEmpty() || rec.Attributes().Len() > 0 {
			if wrong++; wrong < 30 {
				t.Logf("%s %s %s: %q", rec.SeverityText(), rec.Timestamp().AsTime(), rec.TraceID(), line)
			}
		}
	})
	t.Logf("%d lines of code, %d of prose", code, prose)
	assert.GreaterOrEqual(t, code, 100_000)
	assert.Zero(t, wrong)
}

func TestParser_TakesNoOtherNumberForATime(t *testing.T) {
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	read := func(p *Parser, line string) plog.LogRecord {
		rec := plog.NewLogRecord()
		rec.SetObservedTimestamp(pcommon.NewTimestampFromTime(now))
		p.Parse([]byte(line), []byte(line), rec, slab.New(slab.Usage{}))
		return rec
	}
	for _, n := range []string{"153000000", "134397401167350000", "4200000000000", "12.5", "0", "-5", "1e300", "132000000", `"153000000"`} {
		p := New(Settings{JSON: true, Location: time.UTC})
		rec := read(p, `{"level":"info","msg":"x","time":`+n+`}`)
		assert.Zero(t, rec.Timestamp(), n)
		_, has := rec.Attributes().Get("time")
		assert.True(t, has, "%s must not be gone", n)
	}
	// What was a duration once is one when it looks like a time of today.
	p := New(Settings{JSON: true, Location: time.UTC})
	read(p, `{"level":"info","msg":"x","time":153000000}`)
	assert.Zero(t, read(p, `{"level":"info","msg":"x","time":1500000000}`).Timestamp())
	again := read(p, fmt.Sprintf(`{"level":"info","msg":"x","time":%d}`, now.UnixMilli()))
	assert.Equal(t, now, again.Timestamp().AsTime(), "but not when it is of this moment")
}
