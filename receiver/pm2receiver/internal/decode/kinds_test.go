// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package decode

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/internal/severity"
)

// What one write is becomes one record, and nothing else becomes part of it. Each case
// is lines, and what must come of them: severity, exception type and message, and how many
// lines it is of.
func TestDecoder_JoinsWhatOneWriteIs(t *testing.T) {
	type rec struct {
		severity, kind, message string
		lines                   int
	}
	for name, c := range map[string]struct {
		text string
		want []rec
	}{
		"Python": {"Traceback (most recent call last):\n  File \"/srv/app.py\", line 10, in f\n    g()\n    ^^^\nKeyError: 'x'\nnext\n", []rec{{"", "KeyError", "'x'", 5}, {"", "", "", 1}}},
		"Python, of a logger": {
			"2026-11-21 14:08:36,735 - app - ERROR - failed\nTraceback (most recent call last):\n  File \"/srv/app.py\", line 10, in f\napp.errors.Refused: no\n2026-11-21 14:08:37,735 - app - INFO - next\n",
			[]rec{{"error", "app.errors.Refused", "no", 4}, {"info", "", "", 1}},
		},
		"Python, connected": {
			"Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/a.py\", line 2, in f\nValueError: two\n\nnext\n",
			[]rec{{"", "ValueError", "two", 9}, {"", "", "", 1}, {"", "", "", 1}},
		},
		"Python, without a message":       {"Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\nKeyboardInterrupt\nprint\n", []rec{{"", "KeyboardInterrupt", "", 3}, {"", "", "", 1}}},
		"Python, not the line before":     {"listening on 80\nTraceback (most recent call last):\n  File \"/a.py\", line 1, in f\nKeyError: 1\n", []rec{{"", "", "", 1}, {"", "KeyError", "1", 3}}},
		"Go":                              {"panic: runtime error: index out of range [1] with length 1\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/srv/main.go:10 +0x1d\nmain.main()\n\t/srv/main.go:5 +0x20\nexit status 2\nnext\n", []rec{{"", "panic", "runtime error: index out of range [1] with length 1", 8}, {"", "", "", 1}}},
		"Go, of net/http":                 {"2026/11/21 14:08:36 http: panic serving 10.0.0.7:5: boom\ngoroutine 7 [running]:\nnet/http.(*conn).serve.func1()\n\t/usr/lib/go/server.go:1 +0x1\nmain.h(...)\n\t/srv/main.go:3\n2026/11/21 14:08:37 next\n", []rec{{"", "", "", 6}, {"", "", "", 1}}},
		"Go, all goroutines":              {"fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()\n\t/srv/main.go:5 +0x20\n\ngoroutine 5 [select]:\nmain.g()\n\t/srv/main.go:9 +0x1\ncreated by main.main in goroutine 1\n\t/srv/main.go:4 +0x1\n", []rec{{"", "fatal error", "all goroutines are asleep - deadlock!", 11}}},
		"Go, zap":                         {"2026-11-21T14:08:36.735+0100\tERROR\tapp/main.go:10\tfailed\nmain.main\n\t/srv/main.go:10\nruntime.main\n\t/usr/lib/go/proc.go:250\n2026-11-21T14:08:37.735+0100\tINFO\tapp/main.go:11\tnext\n", []rec{{"error", "", "", 5}, {"info", "", "", 1}}},
		"panic is a word":                 {"panic: is what people do\nnext\n", []rec{{"", "", "", 1}, {"", "", "", 1}}},
		"Java":                            {"Exception in thread \"main\" java.lang.IllegalStateException: no state\n\tat com.example.App.f(App.java:10)\n\tat com.example.App.main(App.java:5)\nCaused by: java.io.IOException: gone\n\tat com.example.Disk.read(Disk.java:1)\n\t... 2 more\nnext\n", []rec{{"", "java.lang.IllegalStateException", "no state", 6}, {"", "", "", 1}}},
		"Java, logback":                   {"14:08:36.735 [main] ERROR com.example.App - failed\njava.lang.RuntimeException: boom\n\tat com.example.App.f(App.java:10) ~[app.jar:1.0]\n\tSuppressed: java.io.IOException: x\n\t\tat com.example.A.b(A.java:2)\n14:08:37.000 [main] INFO  com.example.App - next\n", []rec{{"error", "java.lang.RuntimeException", "boom", 5}, {"info", "", "", 1}}},
		".NET":                            {"Unhandled exception. System.InvalidOperationException: no\n ---> System.Exception: inner\n   at App.Inner() in /srv/a.cs:line 3\n   --- End of inner exception stack trace ---\n   at App.Main(String[] args) in /srv/a.cs:line 12\nnext\n", []rec{{"", "System.InvalidOperationException", "no", 5}, {"", "", "", 1}}},
		".NET's console":                  {"info: Microsoft.Hosting.Lifetime[14]\n      Now listening on: http://localhost:5000\nfail: App.Orders[0]\n      payment failed\n      System.Exception: boom\n         at App.Pay() in /srv/a.cs:line 3\n", []rec{{"info", "", "", 2}, {"error", "System.Exception", "boom", 4}}},
		"JSON":                            {"{\n  \"level\": \"warn\",\n  \"message\": \"x\",\n  \"list\": [\n    1\n  ]\n}\nnext\n", []rec{{"warn", "", "", 7}, {"", "", "", 1}}},
		"object":                          {"user {\n  id: 1,\n  roles: [\n    'a'\n  ]\n}\n[\n  { a: 1 },\n  { a: 2 }\n]\n", []rec{{"", "", "", 6}, {"", "", "", 4}}},
		"object that does not end":        {"{\n  \"a\": 1,\nnext\n", []rec{{"", "", "", 1}, {"", "", "", 1}, {"", "", "", 1}}},
		"error in an object":              {"failed {\n  err: TypeError: boom\n      at f (/srv/a.js:1:2) {\n    code: 'E'\n  }\n}\n", []rec{{"", "TypeError", "boom", 6}}},
		"cause":                           {"Error: one\n    at f (/srv/a.js:1:2) {\n  [cause]: Error: two\n      at g (/srv/a.js:3:4)\n}\n GET / 200\n", []rec{{"", "Error", "one", 5}, {"info", "", "", 1}}},
		"only indented":                   {"Error: one\n    at f (/srv/a.js:1:2)\n    at noon we eat\n  - item\n\ttab\n", []rec{{"", "Error", "one", 2}, {"", "", "", 1}, {"", "", "", 1}, {"", "", "", 1}}},
		"ordinary lines before the head":  {"Error: db down\nlistening on 80\nuser 5 logged in\nTimeout: user left\n    at f (/srv/a.js:1:2)\n", []rec{{"", "", "", 1}, {"", "", "", 1}, {"", "", "", 1}, {"", "Timeout", "user left", 2}}},
		"access lines before the head":    {"ValidationError: bad\nGET /orders 200 12ms\nPOST /orders 201 3ms\nTrace: here\n    at f (/srv/a.js:1:2)\n", []rec{{"", "", "", 1}, {"info", "", "", 1}, {"info", "", "", 1}, {"", "Trace", "here", 2}}},
		"message of several lines":        {"Error: expect(received).toBe(expected)\n\nExpected: 1\nReceived: 2\n    at f (/srv/a.js:1:2)\n", []rec{{"", "Error", "expect(received).toBe(expected)\n\nExpected: 1\nReceived: 2", 5}}},
		"message that ends with a label":  {"Error: query failed\nno such table\nQuery: select 1\n    at f (/srv/a.js:1:2)\n", []rec{{"", "Error", "query failed\nno such table\nQuery: select 1", 4}}},
		"message with an indented line":   {"Error: bad\n  one\nNotice: two\n    at f (/srv/a.js:1:2)\n", []rec{{"", "Error", "bad\n  one\nNotice: two", 4}}},
		"cause is a word":                 {"java.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\n\t... 12 common frames omitted\nCaused by: user clicked\ninfo next\n", []rec{{"", "java.lang.IllegalStateException", "x", 3}, {"", "", "", 1}, {"", "", "", 1}}},
		"cause without a type":            {"java.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\nCaused by: nobody knows\n\tat a.C.d(C.java:1)\nnext\n", []rec{{"", "java.lang.IllegalStateException", "x", 4}, {"", "", "", 1}}},
		"Pydantic":                        {"Traceback (most recent call last):\n  File \"/srv/app.py\", line 10, in f\n    g()\npydantic_core._pydantic_core.ValidationError: 2 validation errors for Order\nprice\n  Input should be a valid integer [type=int_parsing, input_value='a', input_type=str]\n    For further information visit https://errors.pydantic.dev/2/v/int_parsing\nitems.0.name\n  Field required [type=missing, input_value={}, input_type=dict]\nnext\n", []rec{{"", "pydantic_core._pydantic_core.ValidationError", "2 validation errors for Order\nprice\n  Input should be a valid integer [type=int_parsing, input_value='a', input_type=str]\n    For further information visit https://errors.pydantic.dev/2/v/int_parsing\nitems.0.name\n  Field required [type=missing, input_value={}, input_type=dict]", 9}, {"", "", "", 1}}},
		"Pydantic, old, in a connection":  {"Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\npydantic.error_wrappers.ValidationError: 1 validation error for Order\nitems -> 0\n  value is not a valid integer (type=type_error.integer)\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/a.py\", line 2, in f\nValueError: two\nnext\n", []rec{{"", "ValueError", "two", 11}, {"", "", "", 1}}},
		"Pydantic, then ordinary text":    {"Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\npydantic.ValidationError: 1 validation error for Order\nlistening\n  - on 80\n", []rec{{"", "pydantic.ValidationError", "1 validation error for Order", 3}, {"", "", "", 1}, {"", "", "", 1}}},
		"JSON with an empty line":         {"{\n  \"level\": \"warn\",\n\n  \"message\": \"x\"\n}\nnext\n", []rec{{"warn", "", "", 5}, {"", "", "", 1}}},
		"object with an empty line, open": {"{\n  \"a\": 1,\n\nnext\n", []rec{{"", "", "", 1}, {"", "", "", 1}, {"", "", "", 1}, {"", "", "", 1}}},
		"two errors":                      {"Error: one\n    at f (/srv/a.js:1:2)\nError: two\n    at g (/srv/a.js:1:2)\n", []rec{{"", "Error", "one", 2}, {"", "Error", "two", 2}}},
		"a second later":                  {"2026-11-21T14:08:36: Error: one\n2026-11-21T14:08:36:     at f (/srv/a.js:1:2)\n2026-11-21T14:08:39:     at lost (/srv/a.js:1:2)\n", []rec{{"", "Error", "one", 2}, {"", "", "", 1}}},
		"tag before, not of it":           {"WARN: slow\nSyntaxError: bad\n    at f (/srv/a.js:1:2)\n", []rec{{"warn", "", "", 1}, {"", "SyntaxError", "bad", 2}}},
		"Next.js":                         {" ⨯ [Error: refused] {\n  digest: '1'\n}\n ✓ Compiled\n", []rec{{"error", "", "", 3}, {"info", "", "", 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 1 << 20} {
				set := settings("app-out.log")
				set.Join, set.Log.Strip = true, true
				var got []rec
				original := ""
				each(decodeAll(set, "app-out.log", []byte(c.text), size), func(r plog.LogRecord) {
					attrs := r.Attributes().AsRaw()
					text, _ := attrs["log.record.original"].(string)
					kind, _ := attrs["exception.type"].(string)
					message, _ := attrs["exception.message"].(string)
					got = append(got, rec{severity.Name(r.SeverityNumber()), kind, message, strings.Count(text, "\n") + 1})
					original += text + "\n"
				})
				assert.Equal(t, c.want, got, "blocks of %d", size)
				if !strings.HasPrefix(c.text, "2026-11-21T14") || strings.Contains(c.text, "\t") {
					assert.Equal(t, c.text, original, "nothing may be lost")
				}
			}
		})
	}
}

// Separate stays exact: every line is a record.
func TestDecoder_SeparateJoinsNothing(t *testing.T) {
	text := "{\n  \"level\": \"warn\"\n}\nTraceback (most recent call last):\n  File \"/a.py\", line 1, in f\nKeyError: 1\nError: x\n    at f (a.js:1:2)\n"
	n := 0
	each(decodeAll(settings("app-out.log"), "app-out.log", []byte(text), 1<<20), func(plog.LogRecord) { n++ })
	assert.Equal(t, strings.Count(text, "\n"), n)
}

func TestDecoder_StripsColorsButNotFromTheOriginal(t *testing.T) {
	for _, strip := range []bool{true, false} {
		set := settings("app-out.log")
		set.Log.Strip = strip
		text := "\x1b[31mred\x1b[39m \x1b]0;title\ahere\n{\"level\":\"\\u001b[32minfo\\u001b[39m\",\"msg\":\"\\u001b[1mbold\\u001b[22m\",\"a\":{\"b\":\"\\u001b[1mx\\u001b[0m\"}}\n"
		var got []plog.LogRecord
		each(decodeAll(set, "app-out.log", []byte(text), 1<<20), func(r plog.LogRecord) { got = append(got, r) })
		original, _ := got[0].Attributes().Get("log.record.original")
		assert.Equal(t, "\x1b[31mred\x1b[39m \x1b]0;title\ahere", original.Str())
		assert.Equal(t, strip, got[0].Body().Str() == "red here", got[0].Body().Str())
		assert.Equal(t, strip, got[1].Body().Str() == "bold")
		inner, _ := got[1].Attributes().Get("a")
		assert.Equal(t, strip, inner.Map().AsRaw()["b"] == "x")
		assert.Equal(t, plog.SeverityNumberInfo, got[1].SeverityNumber())
	}
}
