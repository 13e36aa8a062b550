// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package attack

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"
)

const (
	logsPath    = "/v1/logs"
	metricsPath = "/v1/metrics"
	tracesPath  = "/v1/traces"

	protobuf = "application/x-protobuf"
	json     = "application/json"
)

// encode returns body in a content encoding.
func encode(encoding string, body []byte) []byte {
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w, _ = gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is valid
	case "deflate":
		w, _ = zlib.NewWriterLevel(&b, zlib.BestSpeed)
	case "snappy":
		return snappy.Encode(nil, body)
	case "zstd":
		z, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err != nil {
			panic(err) // the options are constant
		}
		w = z
	default:
		return body
	}
	if _, err := w.Write(body); err != nil {
		panic(err) // a bytes.Buffer never fails
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// encodings returns the content encodings that attacks use.
func encodings() []string { return []string{"", "gzip", "zstd", "snappy", "deflate"} }

type post struct {
	path, content, encoding string
	body                    []byte // encoded
}

// send sends a request, and returns the status of the response.
func (t *Target) send(ctx context.Context, p post) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+t.HTTP+p.path, bytes.NewReader(p.body))
	if err != nil {
		return "", err
	}
	if t.Key != "" {
		req.Header.Set("Authorization", "Bearer "+t.Key)
	}
	req.Header.Set("Content-Type", p.content)
	if p.encoding != "" {
		req.Header.Set("Content-Encoding", p.encoding)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return fmt.Sprintf("HTTP %d", resp.StatusCode), nil
}

// open opens a connection and writes head.
func open(ctx context.Context, addr string, head []byte) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
	}
	if _, err := c.Write(head); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// head returns the head of a request whose body has length bytes.
func (t *Target) head(p post, length int) []byte {
	h := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: gateway\r\nContent-Type: %s\r\nContent-Length: %d\r\n", p.path, p.content, length)
	if t.Key != "" {
		h += "Authorization: Bearer " + t.Key + "\r\n"
	}
	if p.encoding != "" {
		h += "Content-Encoding: " + p.encoding + "\r\n"
	}
	return []byte(h + "\r\n")
}

// stall opens n requests, sends the body without its end, and waits before it closes the
// connections.
func (t *Target) stall(ctx context.Context, n int, p post, wait time.Duration) {
	head := append(t.head(p, len(p.body)+1000), p.body...)
	var held []net.Conn
	for range n {
		c, err := open(ctx, t.HTTP, head)
		if err != nil {
			break // refused
		}
		held = append(held, c)
	}
	pause(ctx, wait)
	for _, c := range held {
		_ = c.Close()
	}
}

// drip sends the body of a request one byte at a time.
func (t *Target) drip(ctx context.Context, p post, every time.Duration) {
	c, err := open(ctx, t.HTTP, t.head(p, len(p.body)))
	if err != nil {
		return
	}
	defer c.Close()
	for _, b := range p.body {
		if _, err := c.Write([]byte{b}); err != nil || !pause(ctx, every) {
			return
		}
	}
}

// pause reports whether d has passed before the end of ctx.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
