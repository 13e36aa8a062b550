// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package applog

import (
	"bytes"
	"strconv"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/timeparse"
)

// Grammars are the forms of text lines that are read, one example each. A test holds
// that each is read, and that the README has them.
var Grammars = [...]struct{ Example, Of string }{
	{"2026-11-21 02:08:36.735 [label] info: message", "winston with printf"},
	{"[2026-11-21T02:08:36.735] [INFO] category - message", "log4js"},
	{"info: message", "winston's simple(), believed from the second such line on"},
	{"[Nest] 4242  - 11/21/2026, 2:08:36 PM   ERROR [Context] message", "NestJS"},
	{"[14:08:36.735] INFO (4242): message", "pino-pretty"},
	{"INFO [14:08:36.735] (4242): message", "pino-pretty with levelFirst"},
	{"[2026-11-21T13:08:36.735Z]  INFO: app/4242 on host: message", "bunyan's CLI"},
	{"2026-11-21 13:08:36.735\tINFO\t[/srv/a.ts:1]\tmessage", "tslog, zap"},
	{"2026-11-21T13:08:36.735Z\tinfo\tapp/main.go:10\tmessage", "zap, OpenTelemetry Collector"},
	{"1.7952269167e+09\terror\tapp/main.go:10\tmessage", "zap's production encoder on the console"},
	{"[INFO] message", "consola, loglevel"},
	{"[ERROR]: message", "custom tags"},
	{"ERROR: message", "uvicorn, custom tags with a colon"},
	{"ERROR:app:message", "Python's basicConfig"},
	{"INFO  message", "custom tags without brackets"},
	{"2026-11-21 14:08:36,735 - app - ERROR - message", "Python's logging"},
	{"2026-11-21 14:08:36.735 | ERROR    | app:f:10 - message", "loguru"},
	{"2026-11-21 14:08:36 [error    ] message", "structlog"},
	{"2026-11-21 14:08:36,735 app          ERROR    message", "Python's logging with padded columns; a name with a dot needs none"},
	{"[2026-11-21 14:08:36 +0100] [4242] [INFO] message", "gunicorn"},
	{"[2026-11-21 14:08:36,735: ERROR/MainProcess] message", "Celery"},
	{"2026/11/21 14:08:36 INFO message", "slog"},
	{"ERRO[0003] message", "logrus on a terminal"},
	{"WARN[2026-11-21T14:08:36+01:00] message", "logrus on a terminal with full timestamps"},
	{"2:08PM INF message", "zerolog's console"},
	{"I1121 14:08:36.735000    4242 main.go:10] message", "klog"},
	{"14:08:36.735 [main] ERROR com.example.App - message", "logback"},
	{"2026-11-21T14:08:36.735+01:00  WARN 4242 --- [main] c.e.App : message", "Spring Boot"},
	{"[14:08:36 INF] message", "Serilog"},
	{"2026-11-21 14:08:36.7350|ERROR|Logger|message", "NLog"},
	{"fail: Category[0]", ".NET's console logger"},
	{"[2026-11-21T14:08:36+01:00] app.ERROR: message", "Monolog"},
	{"[scope] › ✖  error     message", "signale"},
	{" ⨯ message", "Next.js: ⨯ and ✖ are errors, ⚠ a warning, ✓ ✔ ℹ information"},
	{"npm ERR! message", "npm"},
	{" warn --- message", "Verdaccio"},
	{"(2026-11-21 14:08:36) ERROR: message", "dates in parentheses, also in <>"},
	{"[Sat Nov 21 14:08:36.735 2026] [core:error] [pid 1] message", "Apache's error log"},
	{"api-1  | ERROR: message", "names of Docker Compose"},
	{"INFO 2026-11-21 14:08:36,735 message", "Django and others with the level first; also `[INFO] time`, `INFO - time`, `INFO: time`, `INFO | time`, `info: time`, `info [label] time`"},
	{"name | 2026-11-21 14:08:36 | [info] message", "a name before the time: FoundryVTT"},
	{"21 Nov 14:08:36 - [info] message", "dates without a year, which give no time: Node-RED, syslog"},
	{"[14:08:36] [main/INFO]: message", "a thread before the level: game servers"},
	{"E, [2026-11-21T14:08:36.735304 #4242] ERROR -- : message", "Ruby"},
	{"[21-Nov-2026 14:08:36 UTC] PHP Warning:  message", "PHP"},
	{"warn  - message", "Next.js up to 13.3; `error - ` and others with one blank once a line has had two"},
	{"<11>1 2026-11-21T13:08:36.735Z host app 4242 - - message", "priorities of syslog: RFC 5424, RFC 3164, systemd"},
}

// head is what precedes the message of a text line.
type head struct {
	word   []byte
	number plog.SeverityNumber
	// nanos is the time, or 0, and seconds is set if it includes the second.
	nanos   int64
	seconds bool
	// timed is set if there is a time of day, though the date may be missing.
	timed bool
	// simple is set for a form that other text has by chance.
	simple bool
	// at is how far the head was read.
	at int
}

// headFirst says which bytes a line begins with that may have a head, and accessFirst
// the same of an access log.
var headFirst, accessFirst = func() (h, a [256]bool) {
	for c := range 256 {
		b := byte(c)
		h[c] = letter(b) || b-'0' <= 9 || b == '[' || b == ' ' || b == '<' || b == '(' || b == 0xe2 || b == '\t'
		a[c] = letter(b) || b-'0' <= 9 || b == ' ' || b == ':' || b == '-' || b == '"' || b == '['
	}
	return h, a
}()

const (
	// maxTokens bounds what is read before a level.
	maxTokens = 8
	// maxLabels bounds labels in brackets before it.
	maxLabels = 3
)

// head reads the head of a line.
func (p *Parser) head(b []byte) head {
	h := head{}
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	if i > 4 || i == len(b) {
		return h
	}
	if i > 0 && b[i] < 0x80 {
		return padded(b, i)
	}
	if b[i] == '<' && (i+1 == len(b) || !p.enclosedTime(b[i+1:], '>')) {
		return p.priority(b)
	}
	labels, numbers := 0, 0
	for range maxTokens {
		first := i == 0
		separated := first
		for i < len(b) && separator(b[i]) {
			separated = separated || b[i] == '|' || b[i] == '-'
			i++
		}
		if i == len(b) {
			break
		}
		h.at = i
		switch c := b[i]; {
		case c == '[' || c == '<' || c == '(' && first && p.enclosedTime(b[i+1:], ')'):
			shut := byte(']')
			switch c {
			case '<':
				shut = '>'
			case '(':
				shut = ')'
			}
			end := bytes.IndexByte(b[i:], shut)
			if end < 0 {
				return h
			}
			content := b[i+1 : i+end]
			if p.bracket(content, first, &h) {
				h.at = i + end + 1
				if first && !h.timed {
					p.behindBracket(b, &h)
				}
				return h
			}
			i += end + 1
			if labels++; labels > maxLabels {
				return h
			}
		case c == '(' && h.timed:
			end := bytes.IndexByte(b[i:], ')')
			if end < 0 {
				return h
			}
			i += end + 1
		case c >= 0x80:
			return marked(b, i, h)
		default:
			if !h.timed {
				if n := p.timeAt(b[i:], &h); n > 0 {
					i += n
					h.at = i
					continue
				}
				if c-'0' <= 9 { // a process, behind a label
					n := digits(b[i:])
					if numbers++; labels == 0 || numbers > 1 || i+n >= len(b) || b[i+n] != ' ' {
						return h
					}
					i += n
					continue
				}
				if !letter(c) {
					return h
				}
				if labels > 0 {
					// winston with a label and no time.
					n := wordLen(b[i:])
					if i+n+1 < len(b) && b[i+n] == ':' && b[i+n+1] == ' ' && strong(b[i:i+n]) {
						h.set(b[i : i+n])
						h.simple = !upper(b[i : i+n])
					}
					return h
				}
				return p.untimed(b, i)
			}
			n, done := h.behindTime(b, i, separated)
			if done {
				return h
			}
			i += n
		}
	}
	return h
}

// enclosedTime reports whether b begins with a time that shut follows.
func (p *Parser) enclosedTime(b []byte, shut byte) bool {
	if b[0]-'0' > 9 {
		return false
	}
	var h head
	n := p.timeAt(b, &h)
	return n > 0 && n < len(b) && b[n] == shut
}

func separator(c byte) bool { return c == ' ' || c == '\t' || c == '-' || c == '|' }

func digits(b []byte) int {
	n := 0
	for n < len(b) && b[n]-'0' <= 9 {
		n++
	}
	return n
}

// timeAt reads a time at the beginning of b and returns its length.
func (p *Parser) timeAt(b []byte, h *head) int {
	t, ok := timeparse.Parse(b, p.set.Location)
	if ok && bounded(b, t.Len) {
		h.nanos, h.seconds, h.timed = t.Nanos, t.Seconds, true
		return t.Len
	}
	if b[0]-'0' > 9 {
		if n := yearless(b); n > 0 && bounded(b, n) {
			h.timed = true
			return n
		}
		return 0
	}
	if n := timeparse.Clock(b); n > 0 && bounded(b, n) {
		h.timed = true
		return n
	}
	if n := timeparse.Yearless(b); n > 0 && bounded(b, n) {
		h.timed = true
		return n
	}
	n := digits(b)
	if n == 1 && len(b) > 2 && b[1] == '.' { // zap's seconds since 1970, as 1.7952269167e+09
		end := bytes.IndexByte(b[:min(len(b), 32)], '\t')
		if end < 8 || !bytes.HasSuffix(b[:end], []byte("e+09")) {
			return 0
		}
		f, err := strconv.ParseFloat(string(b[:end]), 64)
		nanos, ok := timeparse.FromNumber(f)
		if err != nil || !ok {
			return 0
		}
		h.nanos, h.seconds, h.timed = nanos, true, true
		return end
	}
	// zerolog's 2:08PM
	if n >= 1 && n <= 2 && n+4 < len(b) && b[n] == ':' && digits(b[n+1:]) == 2 && b[n+4] == 'M' && (b[n+3] == 'A' || b[n+3] == 'P') && bounded(b, n+5) {
		h.timed = true
		return n + 5
	}
	return 0
}

// bounded says whether what is n bytes long ends where a word may end.
func bounded(b []byte, n int) bool {
	return n == len(b) || b[n] == ' ' || b[n] == '\t' || b[n] == ']' || b[n] == '|' || b[n] == ':' || b[n] == ',' || b[n] == '-' || b[n] == ')' || b[n] == '>'
}

// bracket reads what is in brackets, and says whether it was a level.
func (p *Parser) bracket(content []byte, first bool, h *head) bool {
	word := bytes.TrimSpace(content)
	if len(word) == 0 {
		return false
	}
	if n := wordLen(word); n == len(word) {
		if known := severity.Find(word); known != 0 && (kinds[known]&strongWord != 0 || h.timed && n >= 3 && kinds[known]&weakWord == 0 || h.timed && string(word) == "MARK") {
			h.word, h.number = word, known.Number()
			return true
		}
		if n == 1 && h.timed {
			return letterLevel(word, h)
		}
		return false
	}
	if h.timed {
		// A thread and a level.
		if slash := bytes.LastIndexByte(word, '/'); slash > 0 && upper(word[slash+1:]) && strong(word[slash+1:]) {
			h.set(word[slash+1:])
			return true
		}
		// Apache's module and level.
		if colon := bytes.IndexByte(word, ':'); colon >= 0 && isModule(word[:colon]) {
			level := word[colon+1:]
			if bytes.HasPrefix(level, []byte("trace")) && len(level) == len("trace8") && level[5] >= '1' && level[5] <= '8' {
				level = level[:len("trace")]
			}
			if wordLen(level) == len(level) && apacheLevel(level) {
				h.set(level)
				return true
			}
		}
		return false
	}
	if word[0]-'0' <= 9 || letter(word[0]) {
		if n := p.timeAt(word, h); n > 0 { // with a level behind it: Celery, Serilog
			rest := bytes.TrimLeft(word[n:], ": ")
			if k := wordLen(rest); k > 0 && (k == len(rest) || rest[k] == '/' || rest[k] == ' ') && strong(rest[:k]) {
				h.set(rest[:k])
				return true
			}
			return false
		}
	}
	if first && len(word) > 8 && word[1] == ' ' { // Tornado: [I 261121 14:08:36 app:1]
		if letterLevel(word[:1], h) {
			if word = bytes.TrimLeft(word[2:], " "); digits(word) == 6 && len(word) > 7 && timeparse.Clock(word[7:]) > 0 {
				return true
			}
			h.word, h.number = nil, 0
		}
	}
	return false
}

// isModule reports whether a text is the name of a module of Apache, which may be empty.
func isModule(b []byte) bool {
	for _, c := range b {
		if !letter(c) && c-'0' > 9 && c != '_' {
			return false
		}
	}
	return len(b) <= 32
}

// apacheLevel reports whether a word is a level of Apache's error log.
func apacheLevel(word []byte) bool {
	switch string(word) {
	case "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", "trace":
		return true
	}
	return false
}

// letterLevel reads a level of one letter.
func letterLevel(word []byte, h *head) bool {
	switch word[0] {
	case 'T', 'D', 'I', 'W', 'E', 'F', 'C':
		h.set(word[:1])
		return true
	}
	return false
}

func (h *head) set(word []byte) {
	h.word = word
	if h.number = severity.Find(word).Number(); h.number == 0 { // with an offset
		h.number, _ = severity.FromText(string(word))
	}
}

// behindTime reads a word behind the time: how long it is, and whether the head ends.
func (h *head) behindTime(b []byte, i int, separated bool) (n int, done bool) {
	n = wordLen(b[i:])
	word := b[i : i+n]
	next := byte(' ')
	if i+n < len(b) {
		next = b[i+n]
	}
	if string(word) == "PHP" && next == ' ' {
		h.php(b, i+n+1)
		return n, true
	}
	if n > 0 {
		level := severity.Find(word)
		known := kinds[level]&strongWord != 0 || n >= 3 && kinds[level]&weakWord == 0 && level != 0
		switch {
		case next == ':' || next == '!' && n == 3:
			if level != 0 && n >= 3 && !ofGo(b[i:]) {
				h.set(word)
				h.at = i + n + 1
				return n, true
			}
		case next == ' ' || next == '\t' || next == '|' || next == '(' || next == '/' || next == '[' || next == ']' || next == '+' || next == '-':
			rest := bytes.TrimLeft(b[min(i+n, len(b)):], " \t")
			delimited := separated && len(rest) > 0 && (rest[0] == '|' || rest[0] == '-')
			if known && (upper(word) || delimited || next == '\t' && b[i-1] == '\t') || delimited && rest[0] == '|' && level != 0 {
				if (next == '+' || next == '-') && i+n+1 < len(b) && b[i+n+1]-'0' <= 9 { // slog's offset
					word = b[i : i+n+1+digits(b[i+n+1:])]
				}
				h.set(word)
				h.at = i + n
				return n, true
			}
		}
		if n == 1 && next == ' ' && upper(word) && separated && letterLevel(word, h) {
			return n, true
		}
	}
	// A name between separators, or channel.LEVEL:
	end := i
	for end < len(b) && b[end] != ' ' && b[end] != '\t' && b[end] != '|' {
		end++
	}
	token := b[i:end]
	if len(token) > 2 && token[len(token)-1] == ':' {
		if dot := bytes.LastIndexByte(token, '.'); dot > 0 {
			word = token[dot+1 : len(token)-1]
			if upper(word) && strong(word) {
				h.set(word)
				h.at = end
				return end - i, true
			}
		}
	}
	if h.behindName(b, i, end) {
		return end - i, true
	}
	rest := bytes.TrimLeft(b[end:], " \t")
	if len(rest) > 1 && (rest[0] == '|' || rest[0] == '-' && rest[1] == ' ') && len(token) <= 64 {
		return end - i, false
	}
	if digits(token) == len(token) && len(token) > 0 && len(token) < 8 { // a process
		return end - i, false
	}
	return 0, true
}

// behindName reads a level in capitals behind the name of a logger, which is b[i:end].
// Python's formats pad one of them with blanks. In other text a word in capitals follows
// another with one blank, so a name without padding must have a dot in it.
func (h *head) behindName(b []byte, i, end int) bool {
	dotted := false
	for _, c := range b[i:end] {
		switch {
		case c == '.':
			dotted = true
		case !letter(c) && c-'0' > 9 && c != '_' && c != '-':
			return false
		}
	}
	if i == end || !letter(b[end-1]) && b[end-1]-'0' > 9 || end == len(b) || b[end] != ' ' {
		return false
	}
	at := end
	for at < len(b) && b[at] == ' ' {
		at++
	}
	n := wordLen(b[at:])
	word := b[at : at+n]
	if n < 3 || !upper(word) || !strong(word) || at+n >= len(b) || b[at+n] != ' ' {
		return false
	}
	if padded := at-end > 1 || at+n+1 < len(b) && b[at+n+1] == ' '; !padded && !dotted {
		return false
	}
	h.set(word)
	h.at = at + n
	return true
}

// ofGo says whether a line is one of Go's net/http, which looks like winston's level.
func ofGo(b []byte) bool {
	rest, ok := bytes.CutPrefix(b, []byte("http: "))
	if !ok {
		return false
	}
	for _, words := range [...]string{"panic ", "TLS ", "superfluous ", "proxy ", "Accept ", "response", "Server ", "multiple ", "named "} {
		if bytes.HasPrefix(rest, []byte(words)) {
			return true
		}
	}
	return false
}

// untimed reads a level at the beginning of a line without a time.
func (p *Parser) untimed(b []byte, i int) head {
	h := klog(b)
	if h.number != 0 {
		return h
	}
	n := wordLen(b[i:])
	word := b[i : i+n]
	if n == 0 || i+n >= len(b) {
		return h
	}
	next := b[i+n]
	if n == 1 && next == ',' {
		return p.ruby(b, i)
	}
	if next == '-' || next == '_' {
		return p.compose(b)
	}
	if t := p.levelThenTime(b, i, n); t.number != 0 {
		return t
	}
	if next == ' ' && i == 0 && arrowed(b[n:]) && (simpleLevel(word) || string(word) == "fatal" || string(word) == "trace") {
		h.set(word)
		h.at = n
		return h
	}
	if next == ' ' && !upper(word) {
		if t := p.oldNext(b, i, n); t.number != 0 {
			return t
		}
	}
	if next == '!' && string(word) == "ERR" && i+n+1 < len(b) && b[i+n+1] == ' ' {
		h.set(word)
		return h
	}
	if string(word) == "npm" && next == ' ' {
		rest := b[n+1:]
		k := wordLen(rest)
		switch string(rest[:k]) {
		case "ERR", "WARN", "error", "warn", "notice", "verbose", "info", "http", "silly":
			h.set(rest[:k])
			h.at = n + 1 + k
		}
		return h
	}
	if next == '[' && n == 4 && upper(word) {
		return p.logrus(b, i, n)
	}
	if next == ':' {
		rest := b[i+n+1:]
		switch {
		case upper(word) && strong(word):
			if len(rest) == 0 || rest[0] == ' ' && !constant(rest) || rest[0] == '\t' || pythonName(rest) {
				h.set(word)
				h.at = i + n + 1
			}
		case len(rest) > 0 && rest[0] == ' ' && consoleWord(word) && bytes.HasSuffix(bytes.TrimSpace(firstLine(rest)), []byte("]")):
			h.set(word)
			h.at = i + n + 1
		case len(rest) > 0 && rest[0] == ' ' && simpleLevel(word) && !constant(rest):
			h.set(word)
			if h.simple = !ofWinston(rest); !h.simple {
				p.simple = max(p.simple, 1) // the next one is of the same logger
			}
			h.at = i + n + 1
		}
		return h
	}
	if !upper(word) || !strong(word) {
		return h
	}
	switch next {
	case ' ', '\t':
		rest := bytes.TrimLeft(b[i+n:], " \t")
		if len(rest) == 0 {
			return h
		}
		if rest[0] == '(' || rest[0] == '[' {
			shut := byte(')')
			if rest[0] == '[' {
				shut = ']'
			}
			end := bytes.IndexByte(rest, shut)
			if end < 0 {
				return h
			}
			if rest[0] == '[' {
				var t head
				if end > 1 && p.timeAt(rest[1:end:end], &t) > 0 {
					h = t
				}
			}
			h.set(word)
			h.at = i + n
			return h
		}
		if next == ' ' && i+n+1 < len(b) && b[i+n+1] != ' ' && (!common(word) || !sentence(rest)) {
			return h
		}
		if rest[0] == '=' || rest[0] == ',' || rest[0] == ')' || rest[0] == '}' || rest[0] == ':' || rest[0] == ';' || rest[0] == '+' || rest[0] == '*' {
			return h
		}
		h.set(word)
		h.at = i + n
	case '|':
		h.set(word)
		h.at = i + n
	}
	return h
}

// ofWinston says whether a message is one of winston's own, of which nobody else's begins
// so.
func ofWinston(rest []byte) bool {
	return bytes.HasPrefix(rest, []byte(" uncaughtException: ")) || bytes.HasPrefix(rest, []byte(" unhandledRejection: "))
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}

// consoleWord says whether a word is one of .NET's console logger.
func consoleWord(word []byte) bool {
	switch string(word) {
	case "trce", "dbug", "info", "warn", "fail", "crit":
		return true
	}
	return false
}

// constant says whether what follows a colon is the value of a setting.
func constant(rest []byte) bool {
	rest = bytes.TrimRight(bytes.TrimSpace(rest), ",;")
	if len(rest) == 0 {
		return false
	}
	if rest[0] == '\'' || rest[0] == '"' || rest[0] == '{' || rest[0] == '[' {
		return rest[len(rest)-1] == rest[0] || rest[0] == '{'
	}
	switch string(rest) {
	case "true", "false", "null", "undefined", "None", "True", "False", "string", "number", "boolean":
		return true
	}
	return digits(rest) == len(rest)
}

// pythonName reports whether a logger's name and a colon follow LEVEL:.
func pythonName(rest []byte) bool {
	n := 0
	for n < len(rest) && (letter(rest[n]) || rest[n]-'0' <= 9 || rest[n] == '_' || rest[n] == '.' || rest[n] == '-') {
		n++
	}
	return n > 0 && n < len(rest) && rest[n] == ':'
}

// sentence says whether what follows a level of capitals may be its message: not
// the rest of a sentence about levels, nor code.
func sentence(rest []byte) bool {
	c := rest[0]
	if !letter(c) && c-'0' > 9 && c != '"' && c != '\'' && c != '[' && c != '(' && c != '<' && c != '/' && c != '{' && c != '#' && c != '`' && c < 0x80 {
		return false
	}
	n := wordLen(rest)
	switch string(rest[:n]) {
	case "is", "are", "and", "or", "was", "were", "has", "have", "level", "levels", "log", "logs", "messages", "message", "to", "as", "will", "would",
		"can", "may", "should", "must", "does", "of", "lines", "events", "handling", "entries":
		return false
	}
	return true
}

// arrowed reports whether b begins with one of the arrows that Verdaccio writes behind the
// level.
func arrowed(b []byte) bool {
	return bytes.HasPrefix(b, []byte(" --- ")) || bytes.HasPrefix(b, []byte(" --> ")) || bytes.HasPrefix(b, []byte(" <-- "))
}

// padded reads the level of a line that begins with a blank: that of consola is in capitals
// and two blanks follow it, that of Verdaccio is followed by an arrow.
func padded(b []byte, i int) head {
	h := head{}
	n := wordLen(b[i:])
	word := b[i : i+n]
	if i == 1 && b[0] == ' ' && arrowed(b[i+n:]) && (simpleLevel(word) || string(word) == "fatal" || string(word) == "trace") {
		h.set(word)
		h.at = i + n
		return h
	}
	if i == 1 && b[0] == ' ' && n > 2 && i+n+2 < len(b) && b[i+n] == ' ' && b[i+n+1] == ' ' && b[i+n+2] != ' ' && upper(word) && strong(word) {
		h.set(word)
		h.at = i + n
	}
	return h
}

// marks are the marks of loggers that say a level without a word.
var marks = [...]struct {
	mark string
	word string
}{
	{"⨯", "error"}, {"✖", "error"}, {"⚠", "warn"}, {"✔", "info"}, {"✓", "info"}, {"ℹ", "info"},
}

// marked reads a mark at i, and the level word that signale writes behind it.
func marked(b []byte, i int, h head) head {
	if bytes.HasPrefix(b[i:], []byte("›")) { // behind signale's scope
		i += len("›")
		for i < len(b) && b[i] == ' ' {
			i++
		}
	}
	number, size := plog.SeverityNumberUnspecified, 0
	for _, m := range marks {
		if bytes.HasPrefix(b[i:], []byte(m.mark)) {
			number, _ = severity.FromText(m.word)
			size = len(m.mark)
		}
	}
	end := i + size
	if size == 0 {
		for end < len(b) && b[end] >= 0x80 {
			end++
		}
	} else if bytes.HasPrefix(b[end:], []byte("\ufe0f")) {
		end += len("\ufe0f")
	}
	if end >= len(b) || b[end] != ' ' {
		return h
	}
	j := end
	for j < len(b) && b[j] == ' ' {
		j++
	}
	n := wordLen(b[j:])
	if word := b[j : j+n]; j-end >= 2 && n > 2 && j+n+1 < len(b) && b[j+n] == ' ' && b[j+n+1] == ' ' && isLevel(word) {
		h.set(word)
		h.at = j + n
		return h
	}
	if number != 0 {
		h.word, h.number, h.at = b[i:i+size], number, end
	}
	return h
}

// klog reads I1121 14:08:36.735000.
func klog(b []byte) head {
	h := head{}
	if len(b) < 22 || digits(b[1:]) != 4 || b[5] != ' ' || timeparse.Clock(b[6:]) < 12 || bytes.IndexByte(b, ']') < 0 {
		return h
	}
	switch b[0] {
	case 'I', 'W', 'E', 'F':
		h.timed = true
		h.set(b[:1])
	}
	return h
}

// simpleLevel finds winston's own level words, which are lower case.
func simpleLevel(word []byte) bool {
	switch string(word) {
	case "error", "warn", "info", "http", "verbose", "debug", "silly", "emerg", "alert", "crit", "warning", "notice":
		return true
	}
	return false
}

func upper(word []byte) bool {
	for _, c := range word {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

func wordLen(b []byte) int {
	n := 0
	for n < len(b) && n < 16 && letter(b[n]) {
		n++
	}
	return n
}
