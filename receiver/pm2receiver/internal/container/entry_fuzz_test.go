// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

// jsonLog is a line of Docker's json-file driver.
type jsonLog struct {
	Log    *string         `json:"log"`
	Stream string          `json:"stream"`
	Attrs  json.RawMessage `json:"attrs"`
	Time   time.Time       `json:"time"`
}

// FuzzDocker holds the reading of Docker's lines against encoding/json.
func FuzzDocker(f *testing.F) {
	for _, seed := range []string{
		`{"log":"hello\n","stream":"stdout","time":"2026-11-21T02:08:36.123456789Z"}`,
		`{"log":"\u003ca\u003e \ud83d\ude00 \ud800","stream":"stderr","attrs":{"tag":"x"},"time":"2026-11-21T02:08:36Z"}`,
		`{"stream":"stdout","time":"2026-11-21T02:08:36.1+01:00","log":""}`, `{"log":"x","stream":"stdin","time":"2026-11-21T02:08:36Z"}`,
		"{\"log\":\"\xff\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T02:08:36Z\"}", `{"log":"x","stream":"stdout","time":"yesterday"}`, `{"log":null,"stream":"stdout","time":"2026-11-21T02:08:36Z"}`, "{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, ok := parse(Docker, line, &arena.Arena{})
		if !ok {
			return
		}
		var want jsonLog
		require.NoError(t, json.Unmarshal(line, &want), "encoding/json reads no such line")
		if bytes.Count(line, []byte(`":`)) > 4 || bytes.Contains(line, []byte(`\u`)) && !bytes.HasPrefix(line, dockerHead) {
			return // keys may be there twice, in another case or escaped, of which encoding/json takes others
		}
		text := ""
		if want.Log != nil {
			text = *want.Log
		}
		whole, ended := strings.CutSuffix(text, "\n")
		assert.Equal(t, whole, string(got.text))
		assert.Equal(t, !ended, got.part)
		assert.Equal(t, want.Stream == "stderr", got.stderr)
		assert.Equal(t, want.Time.UnixNano(), got.time)
	})
}

var criLine = regexp.MustCompile(`^(\S+) (stdout|stderr) (P|F)(?::[^ ]*)?(?: ((?s).*))?$`)

// FuzzCRI holds the reading of the kubelet's lines against a regular expression.
func FuzzCRI(f *testing.F) {
	for _, seed := range []string{
		"2026-11-21T02:08:36.123456789Z stdout F hello", "2026-11-21T02:08:36.123456789+01:00 stderr P half ", "2026-11-21T02:08:36Z stdout F", "2026-11-21T02:08:36Z stdout F ",
		"2026-11-21T02:08:36Z stdout P:x:y  two", "2026-11-21T02:08:36Z stdin F x", "x stdout F y", "2026-13-21T02:08:36Z stdout F x", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, ok := parse(CRI, line, &arena.Arena{})
		m := criLine.FindSubmatch(bytes.TrimSuffix(line, []byte("\r")))
		if m == nil {
			assert.False(t, ok)
			return
		}
		at, err := time.Parse(time.RFC3339Nano, string(m[1]))
		if err != nil || len(m[1]) < 20 || len(m[1]) > 35 || at.Year() < 1970 || at.Year() > 2200 {
			assert.False(t, ok)
			return
		}
		require.True(t, ok)
		assert.Equal(t, string(m[4]), string(got.text))
		assert.Equal(t, string(m[2]) == "stderr", got.stderr)
		assert.Equal(t, string(m[3]) == "P", got.part)
		assert.Equal(t, at.UnixNano(), got.time)
	})
}

// FuzzDecoder decodes anything, in one block and line by line: the records are the same,
// each with a place of its own.
func FuzzDecoder(f *testing.F) {
	at := "2026-11-21T02:08:36.123456789Z "
	f.Add(at+"stdout P a\n"+at+"stderr F b\n"+at+"stdout F c\nno entry\n", true)
	f.Add(`{"log":"0|a  | x\n","stream":"stdout","time":"2026-11-21T02:08:36Z"}`+"\n"+`{"log":"{\"message\":\"m\",\"timestamp\":\"\",\"type\":\"out\",\"process_id\":0,\"app_name\":\"a\"}\n","stream":"stdout","time":"2026-11-21T02:08:36Z"}`+"\n", false)
	f.Add(at+"stdout F timestamp=x app=a b id=3 type=error message=m\n"+at+"stdout F 2026-11-21T02:08:36: PM2 log: x\n", false)
	f.Fuzz(func(t *testing.T, text string, cut bool) {
		if len(text) > 4<<10 { // each line goes through the JSON of the state
			return
		}
		if cut {
			text = strings.TrimSuffix(text, "\n")
		}
		open := func(s decode.State) Inner { return New(settings(Auto), s) }
		whole, _ := run(t, open, text, 1<<20)
		lines, _ := run(t, open, text, 1)
		count := func(all []plog.Logs) (n int) {
			for _, logs := range all {
				n += logs.LogRecordCount()
			}
			return n
		}
		assert.Equal(t, count(whole), count(lines))
		_, _ = records(t, whole), records(t, lines)
	})
}
