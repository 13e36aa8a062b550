package rpc

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// message frames arguments as a daemon does.
func message(args ...string) []byte {
	b := []byte{version<<4 | byte(len(args))}
	for _, arg := range args {
		b = binary.BigEndian.AppendUint32(b, uint32(len(arg)))
		b = append(b, arg...)
	}
	return b
}

func answer(json string) []byte { return message("j:"+json, requestID) }

// daemon is a socket on which something answers every request alike.
type daemon struct {
	path string
	mu   sync.Mutex
	got  [][]byte // the requests
}

// listen answers with answer, which may keep the connection open until closed is.
func listen(t *testing.T, answer func(conn net.Conn, closed <-chan struct{})) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "rpc") //nolint:usetesting // the test's folder is too long for a socket
	require.NoError(t, err)
	d := &daemon{path: filepath.Join(dir, "rpc.sock")}
	l, err := net.Listen("unix", d.path)
	require.NoError(t, err)
	closed := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				req := make([]byte, len(request()))
				if _, err := io.ReadFull(conn, req); err != nil {
					return
				}
				d.mu.Lock()
				d.got = append(d.got, req)
				d.mu.Unlock()
				answer(conn, closed)
			})
		}
	})
	t.Cleanup(func() {
		close(closed)
		require.NoError(t, l.Close())
		wg.Wait()
		require.NoError(t, os.RemoveAll(dir))
	})
	return d
}

// says answers with b and hangs up.
func says(b []byte) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, _ <-chan struct{}) { _, _ = conn.Write(b) }
}

// hangs answers with b and keeps the connection.
func hangs(b []byte) func(net.Conn, <-chan struct{}) {
	return func(conn net.Conn, closed <-chan struct{}) {
		_, _ = conn.Write(b)
		<-closed
	}
}

func (d *daemon) client() *Client {
	return New(Settings{Socket: d.path, MaxReply: 1 << 20, MaxProcesses: 100})
}

func corpus(t testing.TB) string {
	raw, err := os.ReadFile("testdata/getMonitorData.json")
	require.NoError(t, err)
	return string(raw)
}
