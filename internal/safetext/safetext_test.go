// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package safetext

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// unsafe are characters that a terminal obeys, that reorder text, or that nobody sees.
var unsafe = []string{
	"\x00", "\x07", "\b", "\x1b[31m", "\r", "\v", "\x7f", // C0 and DEL
	"\u0080", "\u0085", "\u009b31m", "\u009f", // C1
	"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u200f", "\u061c", // bidirectional
	"\u2028", "\u2029", // separators
	"\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u034f", "\u3164", "\ufe0f", "\u2063", // invisible
	"\U000e0041", "\U000e0100", "\ue000", "\ufff9", "\u00a0", "\u3000", // tags, selectors, private use, spaces
	"\x80", "\xff", "\xc0\xaf", "\xed\xa0\x80", // no UTF-8
}

// plain are texts that stay as they are.
var plain = []string{"", "tenant-a is not known", "Müller & Söhne", "日本語", "naïve café", "€ 5 → 6", "שלום", "мир", "🙂"}

func assertSafe(t *testing.T, text string, msg ...any) {
	t.Helper()
	for i, r := range text {
		if r == '\n' || r == '\t' {
			continue
		}
		assert.False(t, unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs, unicode.Variation_Selector) ||
			r == '\u034f' || r == '\u3164', "%U at byte %d of %q %v", r, i, text, msg)
	}
}

func TestClean(t *testing.T) {
	for _, u := range unsafe {
		got := Clean("a" + u + "b")
		assertSafe(t, got)
		assert.True(t, strings.HasPrefix(got, "a ") && strings.HasSuffix(got, "b"), "%q became %q", u, got)
		assertSafe(t, Lines("a"+u+"b"))
	}
	for _, p := range plain {
		assert.Equal(t, p, Clean(p))
		assert.Equal(t, p, Lines(p))
	}
	assert.Equal(t, "a b c", Clean("a\nb\tc"))
	assert.Equal(t, "a\nb\tc", Lines("a\nb\tc"))
}

type stringer string

func (s stringer) String() string { return string(s) }

type nilStringer struct{ s string }

func (s *nilStringer) String() string { return s.s }

// TestLogger looks at every kind of field, and at the message, in both encodings
// of the collector.
func TestLogger(t *testing.T) {
	for name, enc := range map[string]zapcore.Encoder{
		"console": zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
		"json":    zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()),
	} {
		for _, u := range unsafe {
			bad := "x" + u + "y"
			var out bytes.Buffer
			l := Logger(Logger(zap.New(zapcore.NewCore(enc, zapcore.AddSync(&out), zapcore.DebugLevel))))
			l.With(zap.String("with", bad)).Named("n").Warn("message "+bad,
				zap.String("string", bad), zap.Error(errors.New(bad)), zap.Stringer("stringer", stringer(bad)),
				zap.ByteString("bytes", []byte(bad)), zap.Any("any", map[string]string{"k": bad}), zap.Strings("strings", []string{bad}),
				zap.Errors("errors", []error{errors.New(bad)}), zap.Error(fmt.Errorf("wraps: %w", errors.New(bad))),
				zap.Int("int", 7), zap.Duration("d", time.Second), zap.Stringer("nil", (*nilStringer)(nil)))
			assertSafe(t, out.String(), name)
			assert.Contains(t, out.String(), "wraps: x")
			assert.Equal(t, 1, strings.Count(out.String(), "\n"), "one entry is one line: %q", out.String())
		}
	}
}

func TestLogger_KeepsSafeText(t *testing.T) {
	write := func(wrap func(*zap.Logger) *zap.Logger) string {
		var out bytes.Buffer
		core := zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "msg"}), zapcore.AddSync(&out), zapcore.InfoLevel)
		l := wrap(zap.New(core))
		fields := []zap.Field{zap.String("s", "Müller"), zap.Strings("list", []string{"a", "b"}), zap.Any("map", map[string]int{"k": 1}), zap.Error(errors.New("one\ntwo"))}
		l.Info("text", fields...)
		l.Debug("not written", fields...)
		require.NoError(t, l.Sync())
		return out.String()
	}
	assert.Equal(t, write(func(l *zap.Logger) *zap.Logger { return l }), write(Logger))
}

func TestWriter(t *testing.T) {
	for _, u := range unsafe {
		for cut := range len(u) + 2 { // a character may come in two writes
			var out bytes.Buffer
			text := []byte("a" + u + "\n\tb")
			w := Writer(&out)
			for _, part := range [][]byte{text[:cut], text[cut:]} {
				n, err := w.Write(part)
				require.NoError(t, err)
				require.Equal(t, len(part), n)
			}
			assertSafe(t, out.String())
			assert.True(t, strings.HasSuffix(out.String(), "\n\tb"), "%q", out.String())
		}
	}
}

func TestWriter_KeepsJSON(t *testing.T) {
	want := strings.ToValidUTF8(strings.Join(unsafe, "-"), "\ufffd")
	var raw, out bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(want))
	_, err := Writer(&out).Write(raw.Bytes())
	require.NoError(t, err)
	assertSafe(t, out.String())
	var got string
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	assert.Equal(t, want, got)
}

func FuzzClean(f *testing.F) {
	for _, u := range unsafe {
		f.Add("a" + u)
	}
	f.Fuzz(func(t *testing.T, text string) {
		assertSafe(t, Clean(text))
		require.NotContains(t, Clean(text), "\n")
	})
}

// TestStandardLog makes net/http log what a server sends unasked.
func TestStandardLog(t *testing.T) {
	before, flags := log.Writer(), log.Flags()
	defer func() {
		log.SetOutput(before)
		log.SetFlags(flags)
	}()
	core, logs := observer.New(zap.InfoLevel)
	StandardLog(zap.NewNop())
	StandardLog(zap.New(core))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Read(make([]byte, 4096))
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokyour token is s3cret\u202e\x1b[31m"))
	}()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("http://" + l.Addr().String())
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Eventually(t, func() bool { return logs.Len() == 1 }, 10*time.Second, time.Millisecond)
	text := func() string { return fmt.Sprint(logs.All()[logs.Len()-1].ContextMap()["text"]) }
	assert.Equal(t, "Message of Go's standard library", logs.All()[0].Message)
	assert.Equal(t, "Unsolicited response received on idle HTTP channel starting with (not shown)", text())
	log.Print("a \x1b[31m line\u202e")
	assertSafe(t, text())
	assert.Equal(t, 2, logs.Len())
}

func TestStandardLog_IsSparse(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	w := &standardLog{logger: zap.New(core), now: func() time.Time { return now }, logged: map[string]time.Time{}}
	write := func(line string) {
		n, err := w.Write([]byte(line))
		require.NoError(t, err)
		require.Equal(t, len(line), n)
	}
	for range 3 {
		write("Unsolicited response received on idle HTTP channel starting with \"1\"\n")
		write("another\n")
	}
	assert.Equal(t, 2, logs.Len())
	now = now.Add(standardLogInterval)
	write("another\n")
	assert.Equal(t, 3, logs.Len())
	for i := range 10 * maxStandardLog {
		write(fmt.Sprint(i, "\n"))
	}
	assert.LessOrEqual(t, len(w.logged), maxStandardLog)
}
