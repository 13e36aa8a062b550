// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/applog"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/container"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/lines"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/checkpoint"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/tail/logname"
)

// countingClient counts the bytes of keys and values that are written.
type countingClient struct {
	*diskStore
	written atomic.Int64
}

func (c *countingClient) Batch(ctx context.Context, ops ...*storage.Operation) error {
	for _, op := range ops {
		if op.Type == storage.Set {
			c.written.Add(int64(len(op.Key) + len(op.Value)))
		}
	}
	return c.diskStore.Batch(ctx, ops...)
}

// stored returns how many bytes are in the storage.
func (c *countingClient) stored() (n int64) {
	for key, value := range c.snapshot() {
		n += int64(len(key) + len(value))
	}
	return n
}

// startCounting starts a reader of containers and files of PM2 with a client that counts.
func (h *home) startCounting() *countingClient {
	h.t.Helper()
	client := &countingClient{diskStore: h.store}
	set := h.settings()
	set.Store = checkpoint.NewStore(client)
	set.Decoder = func(n logname.Name, state decode.State) Decoder {
		text := func(stderr bool, state decode.State) container.Inner {
			return decode.New(decode.Settings{
				Lines: lines.Settings{MaxLine: 1 << 20, Location: time.UTC, App: n.App, ProcessID: n.ProcessID, Stderr: stderr},
				Log:   applog.Settings{JSON: true, Location: time.UTC}, Join: true, Original: true,
			}, state)
		}
		plain := func(state decode.State) container.Inner { return text(n.Stderr, state) }
		return container.New(container.Settings{Format: container.Auto, Plain: plain, Text: text, Daemon: plain}, state)
	}
	h.tailer = New(set)
	require.NoError(h.t, h.tailer.Start(h.t.Context()))
	return client
}

func criPart(text string) string { return "2026-12-01T01:00:00.123456789Z stdout P " + text + "\n" }

func dockerPart(text string) string {
	b, _ := json.Marshal(map[string]string{"log": text, "stream": "stdout", "time": "2026-12-01T01:00:00.123456789Z"})
	return string(b) + "\n"
}

func pm2Part(process int, text string) string {
	return fmt.Sprintf(`{"message":%q,"timestamp":"2026-12-01T01:00:00.000Z","type":"out","process_id":%d,"app_name":"a"}`+"\n", text, process)
}

// Whatever is held back of a file that grows slowly, few bytes are written, and a kill loses nothing.
func TestHostile_HeldLinesAreNotWrittenAgainAndAgain(t *testing.T) {
	piece := strings.Repeat("x", 16000)
	all := func(f func(int) string) (text string) {
		for i := range 15 {
			text += f(i)
		}
		return text
	}
	trace := func(i int) string {
		return pm2Part(i, "Error: "+strings.Repeat("e", 100_000)+"\n    at f (/a/b.js:1:2)\n")
	}
	first := all(func(i int) string { return pm2Part(i, "first\n") }) // each process ends its lines
	for name, c := range map[string]struct{ begin, more string }{
		"CRI":          {strings.Repeat(criPart(piece), 400), criPart("yyyy")},
		"Docker":       {strings.Repeat(dockerPart(piece), 400), dockerPart("yyyy")},
		"PM2":          {first + strings.Repeat(all(func(i int) string { return pm2Part(i, piece) }), 30), all(func(i int) string { return pm2Part(i, "yyyy") })},
		"stack traces": {all(trace), all(func(i int) string { return pm2Part(i, "    at g (/a/b.js:1:2)\n") })},
		"many files":   {strings.Repeat(criPart(piece), 20), criPart("yyyy")},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			files := 1
			if name == "many files" {
				files = 40
			}
			write := func(text string) {
				for i := range files {
					h.write(fmt.Sprintf("h%d-out.log", i), text)
				}
			}
			write(c.begin)
			size := int64(len(c.begin) * files)
			client := h.startCounting()
			allRead := func() bool {
				var unread int64
				h.tailer.Lag(func(_ string, n int64) { unread += n })
				return unread == 0 && client.stored() > 0
			}
			require.Eventually(t, allRead, waitFor, tick)
			require.Eventually(t, func() bool { return client.stored() > size/4 }, waitFor, tick, "it is held back")
			before, began := client.written.Load(), time.Now()
			for time.Since(began) < 3*time.Second {
				write(c.more)
				time.Sleep(100 * time.Millisecond)
			}
			// Everything once, and 3 MiB a second.
			seconds := int64(time.Since(began).Seconds()) + 2
			written := client.written.Load() - before
			assert.Less(t, written, size+seconds*3<<20, "bytes written")
			assert.Less(t, client.stored(), 3*size+1<<20, "bytes stored")
			t.Logf("held %d bytes, wrote %d in %d s, stored %d", size, written, seconds-2, client.stored())
		})
	}
}

// A long partial line is whole after a kill, with the pieces that were stored before.
func TestHostile_HeldLineSurvivesAKill(t *testing.T) {
	piece := strings.Repeat("0123456789abcdef", 1000)
	h := newHome(t)
	h.write("h-out.log", criPart("begin"))
	want := "begin"
	for range 4 {
		client := h.startCounting()
		for range 10 {
			h.write("h-out.log", criPart(piece))
			want += piece
		}
		h.saved("h-out.log", h.size("h-out.log"))
		assert.Less(t, client.written.Load(), int64(2<<20))
		h.kill()
	}
	h.startCounting()
	h.write("h-out.log", strings.Replace(criPart("end"), " P ", " F ", 1))
	want += "end"
	h.eventually(want)
	require.Eventually(t, func() bool {
		for key := range h.store.snapshot() {
			if strings.HasPrefix(key, "text:") {
				return false
			}
		}
		return true
	}, waitFor, tick, "the pieces are deleted")
}
