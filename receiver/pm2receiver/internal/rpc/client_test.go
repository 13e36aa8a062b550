// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rpc

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClient_ReadsTheAnswerOfADaemon(t *testing.T) {
	d := listen(t, hangs(answer(corpus(t))))
	c := clientOf(d)
	for range 2 { // it can ask again
		list, err := c.Processes(t.Context())
		require.NoError(t, err)
		web := Logs{Out: "/srv/pm2/logs/web-out.log", Err: "/srv/pm2/logs/web-error.log"}
		assert.Equal(t, List{Processes: []Process{
			{ID: 0, Name: "web", Status: StatusOnline, PID: 416, Started: time.UnixMilli(1795226958748), Memory: 77225984, Logs: web},
			{ID: 1, Name: "web", Status: StatusOnline, PID: 475, Started: time.UnixMilli(1795226963480), Restarts: 1, Memory: 76029952, Logs: web},
		}}, list)
	}
}

func TestClient_SendsOnlyTheRequestForTheList(t *testing.T) {
	d := listen(t, says(answer(`{"args":[[]]}`)))
	_, err := clientOf(d).Processes(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{string(message(`j:{"type":"call","method":"getMonitorData","args":[{}]}`, "s:otelcol:1"))}, d.Requests())
}

func TestClient_ReadsAnAnswerInPieces(t *testing.T) {
	whole := answer(corpus(t))
	d := listen(t, func(conn net.Conn, _ <-chan struct{}) {
		for i := range whole {
			if _, err := conn.Write(whole[i : i+1]); err != nil {
				return
			}
		}
	})
	list, err := clientOf(d).Processes(t.Context())
	require.NoError(t, err)
	assert.Len(t, list.Processes, 2)
}

func TestClient_SkipsPlaceholdersOfProcesses(t *testing.T) {
	d := listen(t, says(answer(`{"args":[[{"pm_id":"_old_0","name":"web"},{"pm_id":0,"name":"web"},{"name":"web"},{"pm_id":1}]]}`)))
	list, err := clientOf(d).Processes(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []Process{{Name: "web"}}, list.Processes)
}

func TestClient_IgnoresEnvironmentVariables(t *testing.T) {
	d := listen(t, says(answer(`{"args":[[{"pm_id":0,"name":"web","pm2_env":{"status":"s3cret","restart_time":"7","pm_uptime":"8","unstable_restarts":"9"},"monit":{"memory":"1","cpu":"2"}}]]}`)))
	list, err := clientOf(d).Processes(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []Process{{Name: "web"}}, list.Processes)
}

func TestClient_BoundsProcesses(t *testing.T) {
	var all []string
	for i := range 7 {
		all = append(all, fmt.Sprintf(`{"pm_id":%d,"name":"web"}`, i))
	}
	d := listen(t, says(answer(`{"args":[[`+strings.Join(all, ",")+`]]}`)))
	c := New(Settings{Socket: d.Socket, MaxReply: 1 << 20, MaxProcesses: 5})
	list, err := c.Processes(t.Context())
	require.NoError(t, err)
	assert.Len(t, list.Processes, 5)
	assert.Equal(t, 2, list.More)
}

// secret is in each field of an answer that must not be disclosed.
const secret = "s3cret"

func TestClient_ErrorsContainNothingOfTheAnswer(t *testing.T) {
	env := `"pm2_env":{"status":"online","env":{"TOKEN":"` + secret + `"},"TOKEN":"` + secret + `"}`
	full := `{"args":[[{"pm_id":0,"name":"web",` + env + `}]]}`
	cut := func(n int) []byte { b := answer(full); return b[:len(b)-n] }
	claims := func(size uint32) []byte {
		b := answer(full)
		b[1], b[2], b[3], b[4] = byte(size>>24), byte(size>>16), byte(size>>8), byte(size)
		return b
	}
	for name, c := range map[string]struct {
		answer []byte
		reason error
	}{
		"nothing":               {nil, ErrClosed},
		"one byte":              {[]byte{0x12}, ErrClosed},
		"ends in a secret":      {cut(60), ErrClosed},
		"without the ID":        {cut(len(requestID) + 4), ErrClosed},
		"half an ID":            {cut(3), ErrClosed},
		"another protocol":      {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n" + secret), ErrMalformed},
		"one argument":          {message("j:" + full), ErrMalformed},
		"three arguments":       {message("j:"+full, requestID, requestID), ErrMalformed},
		"text":                  {message("s:"+secret, requestID), ErrMalformed},
		"another ID":            {message("j:"+full, "s:otelcol:2"), ErrMalformed},
		"a longer ID":           {message("j:"+full, requestID+secret), ErrMalformed},
		"no JSON":               {answer(secret), ErrMalformed},
		"no object":             {answer(`["` + secret + `"]`), ErrMalformed},
		"no list":               {answer(`{"args":[]}`), ErrMalformed},
		"a list of texts":       {answer(`{"args":[["` + secret + `"]]}`), ErrMalformed},
		"an object for a list":  {answer(`{"args":[{"TOKEN":"` + secret + `"}]}`), ErrMalformed},
		"number twice":          {answer(`{"args":[[{"pm_id":1,"name":"a"},{"pm_id":1,"name":"b"}]]}`), ErrMalformed},
		"broken in a secret":    {answer(strings.Replace(full, secret, "s3\x01cret", 1)), ErrMalformed},
		"broken escape":         {answer(strings.Replace(full, secret, `s3\qcret`, 1)), ErrMalformed},
		"broken before":         {answer(strings.Replace(full, `:"`+secret, `:`+secret+`"`, 1)), ErrMalformed},
		"more behind":           {answer(full + secret), ErrMalformed},
		"nested":                {answer(`{"args":[[{"x":` + strings.Repeat("[", 200) + secret + strings.Repeat("]", 200) + `}]]}`), ErrMalformed},
		"says more than it has": {claims(uint32(len(full) + 100)), ErrMalformed},
		"says less than it has": {claims(uint32(len(full) - 20)), ErrMalformed},
		"too large":             {claims(1<<20 + 1), ErrTooLarge},
		"absurdly large":        {claims(1<<32 - 1), ErrTooLarge},
		"its error":             {answer(`{"error":"no ` + secret + `","stack":"` + secret + `"}`), ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			d := listen(t, says(c.answer))
			list, err := clientOf(d).Processes(t.Context())
			require.ErrorIs(t, err, c.reason, "%v", err)
			assert.Equal(t, c.reason, Reason(err))
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, err.Error(), "s3")
			assert.Empty(t, list)
		})
	}
}

func TestClient_DoesNotWaitForADaemonThatHangs(t *testing.T) {
	for name, b := range map[string][]byte{"before": nil, "in the middle": answer(corpus(t))[:3000]} {
		t.Run(name, func(t *testing.T) {
			d := listen(t, hangs(b))
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := clientOf(d).Processes(ctx)
			require.ErrorIs(t, err, ErrTimeout)
		})
	}
}

func TestClient_DoesNotWaitForADaemonThatNeverStops(t *testing.T) {
	d := listen(t, func(conn net.Conn, _ <-chan struct{}) {
		b := answer(`{"args":[[` + strings.Repeat(" ", 1<<20-100))
		b[1], b[2], b[3], b[4] = 0, 0x0f, 0xff, 0xff
		_, _ = conn.Write(b)
		for {
			if _, err := conn.Write([]byte(" ")); err != nil {
				return
			}
		}
	})
	_, err := clientOf(d).Processes(t.Context())
	require.ErrorIs(t, err, ErrMalformed) // its length is the announced one
}

func TestClient_StopsWithItsContext(t *testing.T) {
	entered := make(chan struct{})
	d := listen(t, func(_ net.Conn, closed <-chan struct{}) {
		close(entered)
		<-closed
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	_, err := clientOf(d).Processes(ctx)
	require.ErrorIs(t, err, ErrTimeout)
}

func TestClient_DistinguishesAnAbsentDaemonFromAForbiddenOne(t *testing.T) {
	dir := t.TempDir()
	ask := func(path string) error {
		_, err := New(Settings{Socket: path, MaxReply: 1 << 20, MaxProcesses: 1}).Processes(t.Context())
		return err
	}
	require.ErrorIs(t, ask(filepath.Join(dir, "none")), ErrAbsent)
	require.ErrorIs(t, ask("/"+strings.Repeat("x", 200)), ErrUnreachable)

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.ErrorIs(t, ask(file), ErrAbsent)

	// What a daemon leaves that was killed.
	stale := filepath.Join(dir, "stale")
	l, err := net.Listen("unix", stale)
	require.NoError(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	require.ErrorIs(t, ask(stale), ErrAbsent)
}

func TestClient_ClearsItsBuffer(t *testing.T) {
	d := listen(t, says(answer(`{"args":[[{"pm_id":0,"name":"web","TOKEN":"`+secret+`"}]]}`)))
	c := clientOf(d)
	_, err := c.Processes(t.Context())
	require.NoError(t, err)
	assert.NotContains(t, string(c.buf[:]), secret)
}

func TestClient_ReportsWhyItCannotConnect(t *testing.T) {
	for number, reason := range map[syscall.Errno]error{
		syscall.EACCES: ErrDenied, syscall.EPERM: ErrDenied, syscall.ENOENT: ErrAbsent, syscall.ECONNREFUSED: ErrAbsent,
		syscall.EAGAIN: ErrTimeout, syscall.EPROTOTYPE: ErrUnreachable, syscall.EMFILE: ErrUnreachable,
	} {
		err := dialFault(&net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", number)})
		require.ErrorIs(t, err, reason, number)
	}
	assert.ErrorContains(t, dialFault(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EMFILE)}), "too many open files")
}
