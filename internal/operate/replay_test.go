// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package operate

import (
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// writeDeadLetters writes a file with n dead letters that is old enough to be replayed.
func writeDeadLetters(t *testing.T, directory, id, destination string, n int) {
	t.Helper()
	note := deadletter.Note{Tenant: tenant.ID(id), Destination: destination, Signal: "logs", Reason: "http_400", Time: time.Unix(0, 0)}
	var data []byte
	var err error
	for range n {
		data, err = deadletter.Append(data, []byte(`{"resourceLogs":[]}`), &note)
		require.NoError(t, err)
	}
	path := filepath.Join(directory, note.Folder(), "00000.jsonl")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, data, 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
}

// endpoint answers with a status and counts requests by tenant.
func endpoint(t *testing.T, status int) (url string, requests map[string]int) {
	requests = map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests[r.Header.Get("X-Scope-OrgID")]++
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

func requireInputContains(t *testing.T, err error, field, text string) {
	t.Helper()
	var input *InputError
	require.ErrorAs(t, err, &input)
	assert.Equal(t, field, input.Field)
	require.ErrorContains(t, err, text)
}

func newClient(t *testing.T, url string) *ReplayClient {
	t.Helper()
	c, err := NewReplayClient(ReplayTarget{
		Endpoint: url, Encoding: EncodingProto, Headers: []ReplayHeader{{"X-Scope-OrgID", TenantPlaceholder}}, Timeout: time.Minute,
	}, "")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestReplay_SendsEachTenantsDeadLettersOnce(t *testing.T) {
	d := DeadLetters{Directory: t.TempDir()}
	writeDeadLetters(t, d.Directory, "tenant-a", "loki", 2)
	writeDeadLetters(t, d.Directory, "tenant-b", "loki", 1)
	url, requests := endpoint(t, http.StatusOK)

	r, err := d.PreviewReplayTo()
	require.NoError(t, err)
	assert.Len(t, r.Groups, 2)
	assert.Equal(t, 2, r.Groups[0].Remaining)
	assert.Empty(t, requests, "a preview sends nothing")

	r, err = d.Replay(t.Context(), newClient(t, url), time.Now())
	require.NoError(t, err)
	require.NoError(t, r.Incomplete())
	assert.Equal(t, ReplayedGroup{Tenant: "tenant-a", Destination: "loki", Signal: "logs", Sent: 2}, r.Groups[0])
	assert.Equal(t, map[string]int{"tenant-a": 2, "tenant-b": 1}, requests)

	r, err = d.Replay(t.Context(), newClient(t, url), time.Now())
	require.NoError(t, err)
	assert.Empty(t, r.Groups)
	assert.Equal(t, map[string]int{"tenant-a": 2, "tenant-b": 1}, requests)
}

func TestReplay_ReturnsWhatItSentBeforeAnError(t *testing.T) {
	d := DeadLetters{Directory: t.TempDir()}
	writeDeadLetters(t, d.Directory, "tenant-a", "loki", 2)
	writeDeadLetters(t, d.Directory, "tenant-b", "loki", 1)
	url, requests := endpoint(t, http.StatusServiceUnavailable)
	r, err := d.Replay(t.Context(), newClient(t, url), time.Now())
	require.ErrorContains(t, err, "answered HTTP status 503")
	assert.Equal(t, map[string]int{"tenant-a": 1}, requests, "the endpoint is not tried again after a failure")
	require.Len(t, r.Groups, 2)
	require.ErrorContains(t, r.Incomplete(), "3 dead letters are left")
}

func TestReplay_CountsRejectedRequests(t *testing.T) {
	d := DeadLetters{Directory: t.TempDir()}
	writeDeadLetters(t, d.Directory, "tenant-a", "loki", 2)
	url, _ := endpoint(t, http.StatusBadRequest)
	r, err := d.Replay(t.Context(), newClient(t, url), time.Now())
	require.NoError(t, err)
	assert.Equal(t, 2, r.Groups[0].Rejected)
	assert.Equal(t, 2, r.Groups[0].Remaining)
	assert.Contains(t, r.Groups[0].Message, "HTTP status 400")
}

// Requests of two destinations must not all go to one endpoint.
func TestReplay_RejectsSeveralDestinations(t *testing.T) {
	d := DeadLetters{Directory: t.TempDir()}
	writeDeadLetters(t, d.Directory, "tenant-a", "loki", 1)
	writeDeadLetters(t, d.Directory, "tenant-a", "tempo", 1)
	url, requests := endpoint(t, http.StatusOK)
	_, err := d.Replay(t.Context(), newClient(t, url), time.Now())
	requireInputContains(t, err, "destination", "must be one of loki, tempo")
	assert.Empty(t, requests)
	d.Destination = "tempo"
	_, err = d.Replay(t.Context(), newClient(t, url), time.Now())
	require.NoError(t, err)
}

func TestDeadLetters_RejectUnknownNames(t *testing.T) {
	d := DeadLetters{Directory: t.TempDir(), Tenant: "nosuch"}
	writeDeadLetters(t, d.Directory, "tenant-a", "loki", 1)
	_, err := d.PreviewReplay()
	requireInputContains(t, err, "directory", `there is no folder for tenant "nosuch"`)
	_, err = d.ReplayByGateway(t.Context())
	requireInputContains(t, err, "directory", `there is no folder for tenant "nosuch"`)

	_, err = DeadLetters{}.Find()
	requireInputContains(t, err, "directory", "is required")
	_, err = DeadLetters{Directory: d.Directory, Signal: "profiles"}.Find()
	requireInputContains(t, err, "signal", "profiles")
}

func TestReplayByGateway_RequiresAGateway(t *testing.T) {
	d := DeadLetters{Directory: t.TempDir()}
	r, err := d.ReplayByGateway(t.Context())
	require.NoError(t, err, "without dead letters there is nothing to do")
	assert.Empty(t, r.Groups)

	writeDeadLetters(t, d.Directory, "tenant-a", "loki", 1)
	_, err = d.ReplayByGateway(t.Context())
	var absent *NoGatewayError
	require.ErrorAs(t, err, &absent)
	require.ErrorIs(t, err, deadletter.ErrNoGateway)
	assert.Equal(t, d.Directory, absent.Directory)
}

func TestReplayed_Incomplete(t *testing.T) {
	for text, r := range map[string]Replayed{
		"1 dead letter is left":    {Groups: []ReplayedGroup{{Remaining: 1}}, SkippedFiles: 1},
		"2 files are skipped":      {SkippedFiles: 2, DamagedLines: 1},
		"1 damaged line is left":   {DamagedLines: 1},
		"3 damaged lines are left": {DamagedLines: 3},
	} {
		require.EqualError(t, r.Incomplete(), text)
	}
	require.NoError(t, (&Replayed{Groups: []ReplayedGroup{{Sent: 2}}}).Incomplete())
}

func TestNewReplayClient_RejectsTargets(t *testing.T) {
	valid := ReplayTarget{Endpoint: "http://x", Encoding: EncodingProto}
	for text, change := range map[string]func(*ReplayTarget){
		"encoding must be proto or json": func(r *ReplayTarget) { r.Encoding = "xml" },
		"endpoint must begin with http":  func(r *ReplayTarget) { r.Endpoint = "ftp://x" },
		"neither query nor fragment":     func(r *ReplayTarget) { r.Endpoint = "http://x?y" },
		"cannot be a header":             func(r *ReplayTarget) { r.Headers = []ReplayHeader{{"a b", "c"}} },
		"value that cannot be in a":      func(r *ReplayTarget) { r.Headers = []ReplayHeader{{"a", "b\nc"}} },
		"to all destinations of the":     func(r *ReplayTarget) { r.AllDestinations = true },
		"key: ":                          func(r *ReplayTarget) { r.Key, r.AllDestinations = "not-a-key", true },
	} {
		target := valid
		change(&target)
		_, err := NewReplayClient(target, "tenant-a")
		require.ErrorContains(t, err, text)
		assert.NotContains(t, err.Error(), "not-a-key")
	}
	key, _ := apikey.New()
	_, err := NewReplayClient(valid, "")
	requireInputContains(t, err, "tenant", "is required, or {tenant} in the endpoint")
	valid.Key, valid.AllDestinations = key, true
	_, err = NewReplayClient(valid, "")
	requireInputContains(t, err, "tenant", "is required with a key")
	_, err = NewReplayClient(valid, "tenant-a")
	require.NoError(t, err)
}

// Close ends the connections of the client, and none of other users of net/http.
func TestReplayClient_ClosesItsOwnConnections(t *testing.T) {
	url, _ := endpoint(t, http.StatusOK)
	reused := func(client *http.Client) (reused bool) {
		trace := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
		req, err := http.NewRequestWithContext(trace, http.MethodGet, url, http.NoBody)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return reused
	}
	defer http.DefaultClient.CloseIdleConnections()
	reused(http.DefaultClient)
	c, err := NewReplayClient(ReplayTarget{Endpoint: url, Encoding: EncodingProto, Timeout: time.Minute}, "acme")
	require.NoError(t, err)
	require.NoError(t, c.send(t.Context(), []byte("{}"), deadletter.Note{Tenant: "acme", Signal: "logs"}))
	assert.True(t, reused(c.client))
	c.Close()
	assert.True(t, reused(http.DefaultClient))
	assert.False(t, reused(c.client))
	c.Close()
}

func TestDeadLetters_List(t *testing.T) {
	d := DeadLetters{Directory: t.TempDir()}
	writeDeadLetters(t, d.Directory, "tenant-b", "loki", 1)
	writeDeadLetters(t, d.Directory, "tenant-a", "loki", 2)
	views, damage, err := d.List()
	require.NoError(t, err)
	require.NoError(t, DamageError(damage))
	require.Len(t, views, 2)
	assert.Equal(t, "tenant-a", views[0].Tenant)
	assert.Equal(t, 2, views[0].Requests)
	assert.Equal(t, map[string]int{"http_400": 2}, views[0].Reasons)
	assert.Equal(t, "1970-01-01T00:00:00Z", views[0].First)
}

func TestViews_OfTenantsAndKeys(t *testing.T) {
	f := newFixture(t)
	f.create("tenant-a", "tenant-b")
	f.newKey("tenant-a", KeySettings{})
	f.newKey("tenant-b", KeySettings{})
	_, err := f.SetTenantStatus(t.Context(), Request{}, "tenant-b", tenant.StatusDeleted)
	require.NoError(t, err)

	views, err := f.TenantViews(t.Context(), false)
	require.NoError(t, err)
	require.Len(t, views, 1)
	views, err = f.TenantViews(t.Context(), true)
	require.NoError(t, err)
	assert.Len(t, views, 2)
	v, err := f.TenantView(t.Context(), "tenant-b")
	require.NoError(t, err)
	assert.Equal(t, "deleted", v.Status)
	_, err = f.TenantView(t.Context(), "nosuch")
	require.Error(t, err)

	keys, err := f.KeyViews(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, keys, 2)
	keys, err = f.KeyViews(t.Context(), "tenant-b")
	require.NoError(t, err)
	require.Len(t, keys, 1)
	assert.Equal(t, StateDeleted, keys[0].State)
	_, err = f.KeyViews(t.Context(), "nosuch")
	require.Error(t, err)
}

func TestCheckpointIn(t *testing.T) {
	assert.Equal(t, "a checkpoint\n", string(CheckpointIn([]byte("a checkpoint\n"))))
	assert.Equal(t, "kept", string(CheckpointIn([]byte(`{"valid":true,"checkpoint":"kept"}`))))
}
