// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/slab"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// Names of the attributes of an access log.
const (
	attributeMethod    = "http.request.method"
	attributePath      = "url.path"
	attributeQuery     = "url.query"
	attributeURL       = "url.full"
	attributeStatus    = "http.response.status_code"
	attributeSize      = "http.response.body.size"
	attributeVersion   = "network.protocol.version"
	attributeClient    = "client.address"
	attributeUserAgent = "user_agent.original"
	// attributeDuration is in seconds.
	attributeDuration = "http.server.request.duration"
)

// AccessForms are the forms of access logs that are read, one example each.
var AccessForms = [...]struct{ Example, Of string }{
	{`10.0.0.7 - - [21/Nov/2026:13:08:36 +0000] "GET /orders?id=1 HTTP/1.1" 200 512 "-" "curl/8"`, "combined and common: nginx, Apache, morgan, gunicorn"},
	{`10.0.0.7 - GET /orders HTTP/1.1 200 512 - 3.456 ms`, "morgan's short"},
	{`GET /orders 200 512 - 3.456 ms`, "morgan's tiny"},
	{`GET /orders 200 3.456 ms - 512`, "morgan's dev"},
	{` GET /orders 200 in 12ms`, "Next.js"},
	{`INFO:     127.0.0.1:5000 - "GET /orders HTTP/1.1" 200 OK`, "uvicorn"},
	{`  --> GET /orders 200 12ms 5b`, "koa-logger, hono"},
	{`shop.example.com:443 10.0.0.7 - - [21/Nov/2026:13:08:36 +0000] "GET /orders HTTP/1.1" 200 512 "-" "curl/8"`, "Apache with virtual hosts"},
	{`[21/Nov/2026 14:08:36] "GET /orders HTTP/1.1" 200 512`, "Django"},
	{`INFO:werkzeug:10.0.0.7 - - [21/Nov/2026 14:08:36] "GET /orders HTTP/1.1" 200 -`, "Flask"},
	{`2026-11-21 14:08:36 GET /orders 200 12ms`, "a date before any form that has none"},
	{`[GIN] 2026/11/21 - 14:08:36 | 200 |     118.3µs |       10.0.0.7 | GET      "/orders"`, "gin"},
}

// request is what a line of an access log says.
type request struct {
	client, method, target, version, agent []byte
	status                                 int
	size                                   int64
	seconds                                float64
	nanos                                  int64
}

// access reads a line of an access log, and says whether it is one.
func (p *Parser) access(line []byte, h *head, rec plog.LogRecord, mem *slab.Slab) bool {
	loc := p.set.Location
	r := request{size: -1, seconds: -1}
	b := line
	switch {
	case r.gin(line, loc):
		r.put(rec, mem)
		return true
	case h.number != 0:
		b = line[min(h.at, len(line)):]
	case h.timed && line[0] == '[' && h.at < len(line) && line[h.at] == '"': // Django
		if !r.quotedRequest(line[h.at:], false) || len(r.version) == 0 {
			return false
		}
		r.put(rec, mem)
		return true
	case h.timed: // a date before a form that has none
		b = line[min(h.at, len(line)):]
		if !r.read(b, loc) || r.nanos != 0 {
			return false
		}
		r.put(rec, mem)
		return true
	}
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	if bytes.HasPrefix(b, []byte("--> ")) || bytes.HasPrefix(b, []byte("xxx ")) {
		b = b[len("--> "):]
	}
	if !r.read(b, loc) && (h.number == 0 || !r.behindName(b, loc)) {
		return false
	}
	r.put(rec, mem)
	return true
}

// put sets what the line of an access log says on a record that has no attributes yet.
func (r *request) put(rec plog.LogRecord, mem *slab.Slab) {
	attrs := rec.Attributes()
	put := func(name string, value []byte) {
		if len(value) > 0 {
			mem.AppendStr(attrs, name, mem.String(value))
		}
	}
	put(attributeMethod, r.method)
	if len(r.target) > 0 {
		path, query, hasQuery := bytes.Cut(r.target, []byte("?"))
		if slashes := bytes.Index(path, []byte("://")); path[0] == 'h' && slashes > 0 { // sent to a proxy
			put(attributeURL, r.target)
			if path = path[slashes+len("://"):]; bytes.IndexByte(path, '/') >= 0 {
				path = path[bytes.IndexByte(path, '/'):]
			} else {
				path = []byte("/")
			}
		}
		mem.AppendStr(attrs, attributePath, mem.String(path))
		if hasQuery {
			mem.AppendStr(attrs, attributeQuery, mem.String(query))
		}
	}
	mem.AppendInt(attrs, attributeStatus, int64(r.status))
	put(attributeClient, r.client)
	put(attributeVersion, r.version)
	put(attributeUserAgent, r.agent)
	if r.size >= 0 {
		mem.AppendInt(attrs, attributeSize, r.size)
	}
	if r.seconds >= 0 {
		attrs.PutDouble(attributeDuration, r.seconds)
	}
	if r.nanos != 0 && timeparse.Plausible(r.nanos, int64(rec.ObservedTimestamp()), false) {
		setTime(rec, r.nanos)
	}
	if rec.SeverityNumber() != 0 {
		return
	}
	switch {
	case r.status >= 500:
		rec.SetSeverityNumber(plog.SeverityNumberError)
	case r.status >= 400:
		rec.SetSeverityNumber(plog.SeverityNumberWarn)
	default:
		rec.SetSeverityNumber(plog.SeverityNumberInfo)
	}
}

func (r *request) read(b []byte, loc *time.Location) bool {
	if methodLen(b) > 0 {
		return r.plain(b)
	}
	client, rest := field(b)
	if !address(client) {
		if !host(client) {
			return false
		}
		if client, rest = field(rest); !address(client) {
			return false
		}
	}
	r.client = withoutPort(client)
	if open := bytes.IndexByte(rest[:min(len(rest), 128)], '['); open >= 0 && bytes.IndexByte(rest[:open], '"') < 0 {
		shut := bytes.IndexByte(rest, ']')
		if shut < open {
			return false
		}
		t, ok := timeparse.Parse(rest[open+1:shut], loc)
		if !ok {
			return false
		}
		r.nanos = t.Nanos
		rest = bytes.TrimLeft(rest[shut+1:], " ")
		return r.quotedRequest(rest, true)
	}
	// addr - user "GET …" or addr - GET …
	for range 3 {
		if len(rest) > 0 && rest[0] == '"' {
			return r.quotedRequest(rest, false)
		}
		if methodLen(rest) > 0 {
			return r.plain(rest)
		}
		_, rest = field(rest)
	}
	return false
}

// quotedRequest reads "GET / HTTP/1.1" 200 512 "referer" "agent" and what follows. any
// is whether the first may be no request at all, as what a scanner sends is none.
func (r *request) quotedRequest(b []byte, any bool) bool {
	if len(b) < 6 || b[0] != '"' {
		return false
	}
	shut := quoteEnd(b[1:])
	if shut < 0 || !r.requestLine(b[1:1+shut]) && !any {
		return false
	}
	status, rest := field(bytes.TrimLeft(b[shut+2:], " "))
	if !r.code(bytes.TrimRight(status, "\r")) {
		return false
	}
	size, rest := field(rest)
	if n, ok := count(bytes.TrimRight(size, "\r")); ok {
		r.size = n
	}
	if len(rest) > 0 && rest[0] == '"' { // the referer, and the agent behind it
		if shut = quoteEnd(rest[1:]); shut >= 0 {
			rest = bytes.TrimLeft(rest[shut+2:], " ")
			if len(rest) > 1 && rest[0] == '"' {
				if shut = quoteEnd(rest[1:]); shut > 0 && string(rest[1:1+shut]) != "-" {
					r.agent = rest[1 : 1+shut]
				}
			}
		}
	}
	return true
}

// quoteEnd finds the closing quote of a text in which quotes are escaped, or -1.
func quoteEnd(b []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '"')
		if i < 0 {
			return -1
		}
		from += i
		slashes := 0
		for slashes < from && b[from-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return from
		}
		from++
	}
}

// behindName reads a request behind the name of one of Python's loggers.
func (r *request) behindName(b []byte, loc *time.Location) bool {
	if !pythonName(b[:min(len(b), maxName)]) {
		return false
	}
	_, rest, _ := bytes.Cut(b, []byte(":"))
	return r.read(rest, loc)
}

// gin reads [GIN] time | status | duration | client | method "path".
func (r *request) gin(b []byte, loc *time.Location) bool {
	rest, ok := bytes.CutPrefix(b, []byte("[GIN] "))
	if !ok {
		return false
	}
	t, ok := timeparse.Parse(rest, loc)
	if !ok {
		return false
	}
	var cells [5][]byte
	n := 0
	for rest = rest[t.Len:]; n < len(cells)-1; n++ {
		var found bool
		if cells[n], rest, found = bytes.Cut(rest, []byte("|")); !found {
			return false
		}
		cells[n] = bytes.TrimSpace(cells[n])
	}
	cells[n] = bytes.TrimSpace(rest)
	method, target := field(cells[4])
	target = bytes.Trim(target, `"`)
	if methodLen(cells[4]) == 0 || len(target) == 0 || target[0] != '/' || !r.code(cells[1]) || !address(cells[3]) {
		return false
	}
	r.nanos, r.client, r.method, r.target = t.Nanos, withoutPort(cells[3]), method, target
	if s, is := withUnit(cells[2]); is {
		r.seconds = s
	}
	return true
}

// host says whether b is a name of a host with a port, as Apache writes that of a virtual
// host before the client.
func host(b []byte) bool {
	if len(b) > 253+len(":65535") {
		return false
	}
	colon := bytes.LastIndexByte(b, ':')
	if colon < 1 || colon > 253 || digits(b[colon+1:]) != len(b)-colon-1 || colon == len(b)-1 {
		return false
	}
	for _, c := range b[:colon] {
		if !letter(c) && c-'0' > 9 && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// plain reads GET / [HTTP/1.1] 200 and the size and duration behind it.
func (r *request) plain(b []byte) bool {
	n := methodLen(b)
	target, rest := field(b[n+1:])
	line := b[:n+1+len(target)]
	if next, behind := field(rest); bytes.HasPrefix(next, httpSlash) {
		line = b[:len(b)-len(rest)+len(next)]
		rest = behind
	}
	if !r.requestLine(line) {
		return false
	}
	status, rest := field(rest)
	if !r.code(status) {
		return false
	}
	rest = bytes.TrimRight(rest, " \r")
	if len(rest) == 0 {
		return true
	}
	// Each of size and duration, and nothing else.
	for tokens := 0; len(rest) > 0; tokens++ {
		var token []byte
		token, rest = field(rest)
		unit, behind := field(rest)
		switch {
		case tokens > 5:
			return false
		case string(token) == "-" || string(token) == "in":
		case string(unit) == "ms" || string(unit) == "s":
			f, err := strconv.ParseFloat(string(token), 64)
			if err != nil && string(token) != "-" {
				return false
			}
			if err == nil && r.seconds < 0 {
				if r.seconds = f; string(unit) == "ms" {
					r.seconds = f / 1000
				}
			}
			rest = behind
		default:
			if s, ok := withUnit(token); ok {
				r.seconds = s
			} else if n, ok := count(bytes.TrimSuffix(token, []byte("b"))); ok && r.size < 0 {
				r.size = n
			} else {
				return tokens > 0 && r.seconds >= 0 && len(token) > 0 && (token[0] == '(' || token[0]-'0' <= 9)
			}
		}
	}
	return true
}

var httpSlash = []byte("HTTP/")

// requestLine reads GET / HTTP/1.1.
func (r *request) requestLine(b []byte) bool {
	n := methodLen(b)
	if n == 0 {
		return false
	}
	target, rest := field(b[n+1:])
	if len(target) == 0 || target[0] != '/' && target[0] != '*' && !bytes.HasPrefix(target, []byte("http")) {
		return false
	}
	r.method, r.target = b[:n], target
	if bytes.HasPrefix(rest, httpSlash) {
		r.version = bytes.TrimSpace(rest[len(httpSlash):])
	}
	return true
}

func (r *request) code(b []byte) bool {
	if len(b) != 3 || digits(b) != 3 {
		return false
	}
	r.status = int(b[0]-'0')*100 + int(b[1]-'0')*10 + int(b[2]-'0')
	return r.status >= 100 && r.status < 600
}

// methodLen returns how long the HTTP method is at the beginning of b that a blank
// follows, or 0.
func methodLen(b []byte) int {
	n := bytes.IndexByte(b[:min(len(b), 8)], ' ')
	if n < 3 {
		return 0
	}
	switch string(b[:n]) {
	case "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE":
		return n
	}
	return 0
}

func field(b []byte) (word, rest []byte) {
	end := bytes.IndexByte(b, ' ')
	if end < 0 {
		return b, nil
	}
	return b[:end], bytes.TrimLeft(b[end:], " ")
}

func count(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 || digits(b) != len(b) {
		return 0, false
	}
	return integer(b)
}

// withUnit reads 12ms, 1.5s and 900µs as seconds.
func withUnit(b []byte) (float64, bool) {
	for _, u := range [...]struct {
		unit  string
		scale float64
	}{{"ms", 1e-3}, {"µs", 1e-6}, {"us", 1e-6}, {"s", 1}} {
		if value, ok := bytes.CutSuffix(b, []byte(u.unit)); ok && len(value) > 0 && value[0]-'0' <= 9 {
			f, err := strconv.ParseFloat(string(value), 64)
			return f * u.scale, err == nil
		}
	}
	return 0, false
}

// address says whether b is an IP address, with or without a port, localhost or -.
func address(b []byte) bool {
	if string(b) == "-" || string(b) == "localhost" {
		return true
	}
	if len(b) < 3 || len(b) > 64 {
		return false
	}
	dots, colons := 0, 0
	for _, c := range b {
		switch {
		case c == '.':
			dots++
		case c == ':':
			colons++
		case c-'0' <= 9 || c == '[' || c == ']':
		case c|0x20 < 'a' || c|0x20 > 'f':
			return false
		}
	}
	return dots == 3 || colons >= 2
}

// withoutPort returns an address without its port.
func withoutPort(b []byte) []byte {
	if string(b) == "-" {
		return nil
	}
	if b[0] == '[' {
		if end := bytes.IndexByte(b, ']'); end > 0 {
			return b[1:end]
		}
	}
	if colon := bytes.IndexByte(b, ':'); colon > 0 && bytes.IndexByte(b[:colon], '.') > 0 && bytes.Count(b, []byte(":")) == 1 {
		return b[:colon]
	}
	return b
}
