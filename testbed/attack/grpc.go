// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package attack

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

var services = map[string]string{
	logsPath:    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
	metricsPath: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
	tracesPath:  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
}

// wire is an HTTP/2 connection on which single frames are written.
type wire struct {
	net.Conn
	*http2.Framer
}

const frameSize = 16384

// http2 returns the address for HTTP/2 frames.
func (t *Target) http2() string {
	if t.web {
		return t.HTTP
	}
	return t.GRPC
}

func dialHTTP2(ctx context.Context, addr string) (*wire, error) {
	c, err := open(ctx, addr, []byte(http2.ClientPreface))
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: c, Framer: http2.NewFramer(c, c)}
	w.AllowIllegalWrites = true
	if err := w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}); err != nil {
		_ = c.Close()
		return nil, err
	}
	return w, nil
}

// fields encodes header fields.
func fields(pairs ...string) []byte {
	var b writer
	e := hpack.NewEncoder(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := e.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}); err != nil {
			panic(err) // writer never fails
		}
	}
	return b
}

type writer []byte

func (w *writer) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

func (t *Target) callHeaders(path, encoding string, extra ...string) []byte {
	pairs := []string{
		":method", "POST", ":scheme", "http", ":path", services[path], ":authority", "gateway",
		"content-type", "application/grpc", "te", "trailers",
	}
	if t.web {
		pairs = []string{":method", "POST", ":scheme", "http", ":path", path, ":authority", "gateway", "content-type", protobuf}
	}
	if t.Key != "" {
		pairs = append(pairs, "authorization", "Bearer "+t.Key)
	}
	if encoding != "" {
		pairs = append(pairs, "grpc-encoding", encoding)
	}
	return fields(append(pairs, extra...)...)
}

// prefixed returns body with the five bytes that precede a gRPC message.
func prefixed(body []byte, compressed bool) []byte {
	head := make([]byte, 5, 5+len(body))
	if compressed {
		head[0] = 1
	}
	n := len(body)
	head[1], head[2], head[3], head[4] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return append(head, body...)
}

// call sends one message in frames of at most size bytes and returns grpc-status.
func (t *Target) call(ctx context.Context, p post, size int) (string, error) {
	w, err := dialHTTP2(ctx, t.http2())
	if err != nil {
		return "", err
	}
	defer w.Close()
	if err := w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: t.callHeaders(p.path, p.encoding), EndHeaders: true}); err != nil {
		return "", err
	}
	answer := make(chan string, 1)
	window := make(chan int, 1024)
	go func() { answer <- w.follow(window) }()
	data := prefixed(p.body, p.encoding != "")
	stream, conn := 65535, 65535 // flow control
	for len(data) > 0 {
		n := min(size, len(data), stream, conn)
		if n == 0 {
			select {
			case status := <-answer:
				return status, nil
			case <-ctx.Done():
				return "", ctx.Err()
			case grown := <-window:
				if grown < 0 {
					conn -= grown
				} else {
					stream += grown
				}
			}
			continue
		}
		if err := w.WriteData(1, n == len(data), data[:n]); err != nil {
			break // refused; the response has the reason
		}
		stream, conn, data = stream-n, conn-n, data[n:]
	}
	select {
	case status := <-answer:
		return status, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// follow reads until the end of stream 1, and returns its answer. It sends window updates to window:
// those of the stream as positive numbers, those of the connection as negative ones.
func (w *wire) follow(window chan<- int) string {
	status := "closed"
	replies := http2.NewFramer(w.Conn, nil) // a Framer writes for one goroutine only
	decoder := hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == "grpc-status" {
			status = "gRPC " + f.Value
		}
	})
	for {
		f, err := w.ReadFrame()
		if err != nil {
			return status
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
					window <- int(v) - 65535
				}
				_ = replies.WriteSettingsAck()
			}
		case *http2.PingFrame:
			_ = replies.WritePing(true, f.Data)
		case *http2.WindowUpdateFrame:
			n := int(f.Increment)
			if f.StreamID == 0 {
				n = -n
			}
			select {
			case window <- n:
			default: // the window is large enough
			}
		case *http2.HeadersFrame:
			_, _ = decoder.Write(f.HeaderBlockFragment())
			if f.StreamEnded() {
				return status
			}
		case *http2.RSTStreamFrame:
			return fmt.Sprintf("reset %v", f.ErrCode)
		case *http2.GoAwayFrame:
			return fmt.Sprintf("go away %v", f.ErrCode)
		}
	}
}

// stallCalls opens calls on connections, sends a part of a large message on each, and waits before
// it closes the connections.
func (t *Target) stallCalls(ctx context.Context, connections, streams int, part []byte, wait time.Duration) {
	var held []*wire
	for range connections {
		w, err := dialHTTP2(ctx, t.http2())
		if err != nil {
			break
		}
		held = append(held, w)
		go w.discard()
		for i := range streams {
			id := uint32(2*i + 1)
			if w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: t.callHeaders(logsPath, ""), EndHeaders: true}) != nil {
				break
			}
			data := append([]byte{0, 0, 0xf0, 0, 0}, part...) // of nearly 16 MiB
			for len(data) > 0 {
				n := min(frameSize, len(data))
				if w.WriteData(id, false, data[:n]) != nil {
					break
				}
				data = data[n:]
			}
		}
	}
	pause(ctx, wait)
	for _, w := range held {
		_ = w.Close()
	}
}

func (w *wire) discard() {
	for {
		if _, err := w.ReadFrame(); err != nil {
			return
		}
	}
}

// callsUnread sends valid calls on connections, and reads no answer.
func (t *Target) callsUnread(ctx context.Context, connections, calls int) {
	data := prefixed(request(nil, repeated(2, 1)), false)
	var work sync.WaitGroup
	for range connections {
		work.Go(func() {
			w, err := dialHTTP2(ctx, t.http2())
			if err != nil {
				return
			}
			defer w.Close()
			for i := range calls {
				id := uint32(2*i + 1)
				if w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: t.callHeaders(logsPath, ""), EndHeaders: true}) != nil ||
					w.WriteData(id, true, data) != nil || ctx.Err() != nil {
					return
				}
			}
			pause(ctx, time.Second)
		})
	}
	work.Wait()
}
