// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rpc

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSaved_KeepsNamesAndPathsAlone(t *testing.T) {
	text := `[{"name":"shop","SECRET":"s3cret","pm_out_log_path":"/srv/out.log","pm_err_log_path":"/srv/err.log","pm_log_path":null,"env":{"name":"no","pm_out_log_path":"/no"}},
	 {"namespace":"x"}, {"name":"all","pm_log_path":"/srv/all.log"}, {"name":"one too many"}]`
	list, err := Saved(strings.NewReader(text), int64(len(text)), 2)
	require.NoError(t, err)
	assert.Equal(t, List{Processes: []Process{
		{ID: -1, Name: "shop", Logs: Logs{Out: "/srv/out.log", Err: "/srv/err.log"}}, {ID: -1, Name: "all", Logs: Logs{Both: "/srv/all.log"}},
	}, More: 1}, list)
}

func TestSaved_ErrorsContainNothingOfTheFile(t *testing.T) {
	for _, text := range []string{"", "{}", `[{"SECRET":"s3cret"`, `["s3cret"]`, `[{"name":"s3cret"}]]`, strings.Repeat("[", 1000)} {
		list, err := Saved(strings.NewReader(text), int64(len(text)), 10)
		assert.EqualError(t, err, "the file is not a list of processes as PM2 saves it", text)
		assert.Empty(t, list)
	}
}

// FuzzSaved holds the reading of dumps against encoding/json.
func FuzzSaved(f *testing.F) {
	for _, seed := range []string{"[]", `[{"name":"a","pm_out_log_path":"/a\u00e4"}]`, `[{"name":null},{"name":"b","pm_log_path":[1]}]`, `[{"name":"a","pm_err_log_path":"/\ud800"}] `, `[1]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Saved(iotest.OneByteReader(bytes.NewReader(b)), int64(len(b)), 50)
		var raw []json.RawMessage
		if !json.Valid(b) || json.Unmarshal(b, &raw) != nil || raw == nil {
			if deep(b) || json.Valid(b) {
				return
			}
			require.Error(t, err)
			return
		}
		if deep(b) || len(b) > maxText || bytes.Contains(b, []byte("name")) && duplicate(raw) {
			return
		}
		var want []Process
		for _, r := range raw {
			m, isObject := fields(r)
			if !isObject {
				require.Error(t, err)
				return
			}
			if p := (Process{ID: -1, Name: text(m["name"]), Fork: text(m["exec_mode"]) == forkMode, Logs: Logs{Out: text(m["pm_out_log_path"]), Err: text(m["pm_err_log_path"]), Both: text(m["pm_log_path"])}}); p.Name != "" && len(want) < 50 {
				want = append(want, p)
			}
		}
		require.NoError(t, err)
		assert.Equal(t, want, got.Processes)
	})
}

// duplicate reports whether an object may have a key twice: of which encoding/json may
// keep the one that is of the type.
func duplicate(all []json.RawMessage) bool {
	for _, r := range all {
		m, _ := fields(r)
		if dec := json.NewDecoder(bytes.NewReader(r)); len(m) > 0 {
			keys, depth, isKey := 0, 0, false
			for {
				token, err := dec.Token()
				if err != nil {
					break
				}
				switch d, delim := token.(json.Delim); {
				case delim && (d == '{' || d == '['):
					if depth == 1 && isKey {
						isKey = false
					}
					depth++
				case delim:
					depth--
				case depth == 1:
					if isKey = !isKey; isKey {
						keys++
					}
				}
			}
			if keys != len(m) {
				return true
			}
		}
	}
	return false
}
