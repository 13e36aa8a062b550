// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rpc

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var fuzzSettings = Settings{MaxReply: 1 << 20, MaxProcesses: 50}

// FuzzReply reads arbitrary messages, whole and byte by byte.
func FuzzReply(f *testing.F) {
	f.Add(answer(corpus(f)))
	f.Add(answer(`{"args":[[]]}`))
	f.Add(answer(`{"error":"no"}`))
	f.Add([]byte{0x12, 0, 0, 0, 2, 'j', ':'})
	f.Add([]byte{0x12, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := readReply(bytes.NewReader(b), make([]byte, bufferSize), fuzzSettings)
		pieces, err2 := readReply(iotest.OneByteReader(bytes.NewReader(b)), make([]byte, 7), fuzzSettings)
		assert.Equal(t, whole, pieces)
		assert.Equal(t, err, err2)
		if err != nil {
			require.Error(t, Reason(err))
			assert.Empty(t, whole)
		}
	})
}

// FuzzJSON holds the scanner against encoding/json.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		corpus(f), `{"args":[[]]}`, `{"args":[[{"pm_id":0,"name":"a\u00e4\ud800\n","pid":1.5e2,"monit":{"memory":-0,"cpu":1e400},"pm2_env":{"status":"online"}}]]}`,
		`{"args":[[{"pm_id":0,"name":"x","pm2_env":{"exec_mode":"fork_mode"}},{"pm_id":1,"name":"y","pm2_env":{"exec_mode":"cluster_mode"}},{"pm_id":2,"name":"z","pm2_env":{"exec_mode":7}}]]}`,
		`{"args":[[{"pm_id":0,"name":"x","pm2_env":{"pm_out_log_path":"/a/\u00e4.log","pm_err_log_path":7,"pm_log_path":null}}]]}`,
		`{"error":null,"args":[[{"pm_id":01}]]}`, `{"args":[[{"pm_\u0069d":9007199254740993,"name":"x"}],2]}`, "{\"args\":[[{\"pm_id\":1,\"name\":\"\xff\"}]]}",
		`{"args":[[{"pm_id":1,"name":"x","pm2_env":[1,2,{"a":[]}],"monit":null}]]}`, ` { "args" : [ [ ] , true, false , null ] } `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readReply(bytes.NewReader(answer(string(b))), make([]byte, 64), fuzzSettings)
		want, known, ok := oracle(b)
		if !known {
			return
		}
		if ok {
			require.NoError(t, err)
			assert.Equal(t, want, got.Processes)
		} else {
			require.Error(t, err)
		}
	})
}

// oracle reads an answer with encoding/json. known is false for what it reads
// otherwise on purpose.
func oracle(b []byte) (list []Process, known, ok bool) {
	if !json.Valid(b) {
		return nil, true, false
	}
	if deep(b) || bytes.Count(b, []byte(`"`)) > 2*maxText || len(b) > maxText || twice(b) {
		return nil, false, false
	}
	top, isObject := fields(b)
	if !isObject {
		return nil, true, false
	}
	if e, has := top["error"]; has && string(bytes.TrimSpace(e)) != "null" {
		return nil, true, false
	}
	var args, raw []json.RawMessage
	if _, has := top["args"]; !has || json.Unmarshal(top["args"], &args) != nil || len(args) == 0 ||
		string(args[0]) == "null" || json.Unmarshal(args[0], &raw) != nil {
		return nil, true, false
	}
	seen := map[int64]bool{}
	for _, r := range raw {
		m, isObject := fields(r)
		if !isObject {
			return nil, true, false
		}
		id, numbered := whole(m["pm_id"])
		p := Process{ID: id, Name: text(m["name"])}
		p.PID, _ = whole(m["pid"])
		env, _ := fields(m["pm2_env"])
		p.Status = parseStatus([]byte(text(env["status"])))
		p.Fork = text(env["exec_mode"]) == forkMode
		p.Logs = Logs{Out: text(env["pm_out_log_path"]), Err: text(env["pm_err_log_path"]), Both: text(env["pm_log_path"])}
		p.Restarts, _ = whole(env["restart_time"])
		p.Unstable, _ = whole(env["unstable_restarts"])
		if n, _ := whole(env["pm_uptime"]); n > 0 {
			p.Started = time.UnixMilli(n)
		}
		monit, _ := fields(m["monit"])
		p.Memory, _ = whole(monit["memory"])
		p.CPU = number(monit["cpu"]) / 100
		if p.CPU < 0 || math.Signbit(p.CPU) {
			p.CPU = 0
		}
		if !numbered || p.Name == "" || len(list) == fuzzSettings.MaxProcesses {
			continue
		}
		if seen[id] {
			return nil, true, false
		}
		seen[id] = true
		list = append(list, p)
	}
	return list, true, true
}

func fields(b []byte) (map[string]json.RawMessage, bool) {
	var m map[string]json.RawMessage
	err := json.Unmarshal(b, &m)
	return m, err == nil && m != nil
}

func text(b []byte) (s string) {
	_ = json.Unmarshal(b, &s)
	return s
}

func number(b []byte) (f float64) {
	if json.Unmarshal(b, &f) != nil {
		return 0
	}
	return f
}

func whole(b []byte) (int64, bool) {
	if len(b) == 0 || b[0] == '-' || !digit(b[0]) {
		return 0, false
	}
	f := number(b)
	if f != math.Trunc(f) || f > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

func deep(b []byte) bool {
	depth := 0
	for _, c := range b {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		if depth > maxDepth {
			return true
		}
	}
	return false
}

// twice reports whether an object has a key twice, of which the last one counts
// here, and all count there.
func twice(b []byte) bool {
	seen := map[string]int{}
	dec := json.NewDecoder(bytes.NewReader(b))
	for {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		if s, isText := token.(string); isText {
			switch s {
			case "args", "error", "pm2_env", "monit", "pm_id", "name", "pid", "status", "restart_time", "unstable_restarts", "pm_uptime", "memory", "cpu", "exec_mode", "pm_out_log_path", "pm_err_log_path", "pm_log_path":
				seen[s]++
				if s == "args" || s == "error" {
					if seen[s] > 1 {
						return true
					}
				} else if seen[s] > max(1, bytes.Count(b, []byte("pm_id"))) {
					return true
				}
			}
		}
	}
}
