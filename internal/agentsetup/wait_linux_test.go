// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSetup_WaitsForTheFirstRecord(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	asked := 0
	i.serve(`{"status":"ok"}`, func() int { asked++; return max(0, asked-3) })
	out, result, err := i.setup(Settings{Env: i.env, Wait: 30 * time.Second})
	require.NoError(t, err)
	assert.True(t, result.Delivered)
	assert.Contains(t, out, "The gateway has accepted the first records")
	assert.Contains(t, out, "The agent reports no fault. It reads 1 log files of 1 homes of PM2.")
}

func TestSetup_SaysWhatIsMissing(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	i.serve(`{"status":"failing","conditions":[{"name":"gateway_unreachable","message":"Cannot deliver logs","fix":"Check the port."}]}`, func() int { return 0 })
	out, result, err := i.setup(Settings{Env: i.env, Wait: 600 * time.Millisecond})
	require.EqualError(t, err, "no record was accepted within 600ms; the agent reports gateway_unreachable")
	assert.Contains(t, out, "gateway_unreachable: Cannot deliver logs\n  Fix: Check the port.")
	assert.Equal(t, []Condition{{Name: "gateway_unreachable", Message: "Cannot deliver logs", Fix: "Check the port."}}, result.Conditions)
}

// A warning is no fault: only PM2's users can save the list of applications, and everything else works without it.
// The exit status of setup and /health agree.
func TestSetup_AgreesWithHealth(t *testing.T) {
	const unsaved = `{"name":"pm2_unreachable","message":"No list","fix":"Run pm2 save.","warning":true}`
	for name, tt := range map[string]struct {
		status, conditions string
		fails              string
	}{
		"not saved":     {"ok", unsaved, ""},
		"no daemon":     {"failing", `{"name":"pm2_unreachable","cause":"absent"}`, "the agent delivers, and reports pm2_unreachable"},
		"another fault": {"failing", unsaved + `,{"name":"queue_old"}`, "the agent delivers, and reports queue_old"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstall(t, http.StatusOK)
			n := 0
			i.serve(`{"status":"`+tt.status+`","conditions":[`+tt.conditions+`]}`, func() int { n++; return n })
			out, result, err := i.setup(Settings{Env: i.env, Wait: 4 * time.Second})
			assert.True(t, result.Delivered)
			if tt.fails != "" {
				require.EqualError(t, err, tt.fails)
				return
			}
			require.NoError(t, err)
			assert.Contains(t, out, "Note: No list\n  Run pm2 save.\n")
			assert.Contains(t, out, "The agent reports no fault.")
			assert.Len(t, result.Conditions, 1)
		})
	}
}

// A gateway reads its registry a moment after a key was created.
func TestSetup_WaitsUntilTheGatewayHasTheKey(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		asked int32 // requests that are rejected
		fails bool
		waits bool
	}{
		"new key":     {"unknown API key", 7, false, true},
		"revoked key": {"the API key is revoked", 1000, true, false},
		"other text":  {"who are you?", 1000, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstall(t, http.StatusOK)
			var n atomic.Int32
			g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost && n.Add(1) <= c.asked {
					w.WriteHeader(http.StatusUnauthorized)
					_, _ = io.WriteString(w, `{"code":16,"message":"`+c.text+`"}`)
				}
			}))
			defer g.Close()
			out, _, err := i.setup(Settings{Env: i.env, Endpoint: g.URL})
			assert.Equal(t, c.waits, strings.Contains(out, "It may be new: asking again"), out)
			if c.fails {
				require.ErrorContains(t, err, "the gateway does not accept the key")
				assert.Equal(t, int32(3), n.Load(), "each signal once")
				return
			}
			require.NoError(t, err)
			assert.Contains(t, out, "accepts the key")
			assert.NotContains(t, out, "401", "an answer that was replaced is not shown")
			assert.Equal(t, i.key+"\n", i.read(defaultKeyFile))
		})
	}
}

// The agent reports a condition for a while after setup has removed its cause.
func TestSetup_WaitsForTheEndOfConditions(t *testing.T) {
	i := newInstall(t, http.StatusOK)
	var n atomic.Int64
	health := func() string {
		if n.Add(1) < 6 {
			return `{"status":"failing","conditions":[{"name":"log_files_unreadable"}]}`
		}
		return `{"status":"ok"}`
	}
	i.serveChanging(health, func() int { return int(n.Load()) })
	out, result, err := i.setup(Settings{Env: i.env, Wait: 60 * time.Second})
	require.NoError(t, err)
	assert.Empty(t, result.Conditions)
	assert.Contains(t, out, "The agent reports no fault.")
}
