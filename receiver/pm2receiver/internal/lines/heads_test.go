// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lines

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// heads are lines of loggers and of ordinary text that have a date or a time of day before
// the first colon, and something else: a level, a number, a name.
var heads = []string{
	"[14:08:36.735] INFO (4242): order 1",
	"[2026-11-21 14:08:36.735 +0100] ERROR (4242): x",
	"[14:08:36.735] INFO (shop/4242): order 1",
	"\x1b[90m[14:08:36.735]\x1b[39m \x1b[32mINFO\x1b[39m (4242): \x1b[36morder 1\x1b[39m",
	"2026/11/21 14:08:36 [error] 7#7: *1 open() failed",
	"[2026-11-21 14:08:36 +0100] [4242] [ERROR] Worker (pid:7): boom",
	"[2026-11-21 14:08:36 +0100] [4242] [INFO] Listening at: http://127.0.0.1:8000 (4242)",
	"[2026-11-21 14:08:36,735: ERROR/MainProcess] Task app.tasks.pay[4bf9] raised: x",
	"[2026-11-21 14:08:36,735: INFO/ForkPoolWorker-1] Task succeeded: 1",
	"2026-11-21T13:08:36.735Z\tERROR\tapp/main.go:10\torder 1: x",
	"2026-11-21 14:08:36,735 - app - ERROR - order 17: x",
	"2026-11-21 14:08:36,735 ERROR app order 17: x",
	"2026-11-21 14:08:36.735 | ERROR    | app.main:f:10 - order 17: x",
	"14:08:36.735 [http-nio-8080-exec-1] ERROR c.e.App - order 1: x",
	"2026-11-21 14:08:36.735 [main] ERROR c.e.App2 - order: x",
	"[2026-11-21T14:08:36.735] [ERROR] default - order 17: refused",
	"\x1b[31m[2026-11-21T14:08:36.735] [ERROR] default - \x1b[39morder 17: refused",
	"2026/11/21 14:08:36 ERROR order 17: refused",
	"2026/11/21 14:08:36 server.go:10: started",
	"2026/11/21 14:08:36.735123 main.go:23: x",
	"2026-11-21T14:08:36.735+01:00 ERROR 1 --- [shop] [main] c.e.App2 : x",
	"2026-11-21 14:08:36.735  WARN 4242 --- [           main] com.example.App2                         : slow",
	"2026-11-21 14:08:36.735 CET [4242]: ERROR:  x",
	"2026-11-21 14:08:36.735 CET [4242] shop@orders: LOG:  x",
	"2026-11-21 14:08:36.735 UTC [17-1] user=a,db=b ERROR: x",
	"Sat, 21 Nov 2026 14:08:36 GMT app:db2: connected",
	"2026-11-21T13:08:36.735Z app:db2: connected",
	"2026-11-21 12:30:01 worker 3: started job",
	"2026-11-21 12:30:01 worker-3: started job",
	"2026-11-21T12:30:01Z user 7: login",
	"2026-11-21T12:30:01.735Z 4242: one",
	"2026-11-21 12:30:01 4242: one",
	"2026-11-21 12:30:01 [12]: a",
	"2026-11-21 12:30:01 INFO http2: a",
	"2026-11-21 12:30:01 W3SVC1: b",
	"2026-11-21 12:30:01,735 INFO  thread-12: order accepted",
	"Nov 21 14:08:36 host app[4242]: x",
	"Nov 21 14:08:36 web-01 kernel: [12.345] x",
	"<34>Oct 5 14:08:36 host su[4242]: x",
	"<34>1 2026-10-05T14:08:36.735Z host su 4242 ID47 - x: y",
	"error [api] 2026-11-21 14:08:36: x",
	"[api] error 14:08:36: x",
	"info 2026-11-21 14:08:36: x",
	"ERROR, 2026-11-21 14:08:36: x",
	"ERROR 21 novembre 2026 14:08:36: x",
	"worker 2026-11-21 14:08:36: x",
	"[\x1b[32m2026-11-21 14:08:36.735\x1b[39m] \x1b[31merror\x1b[39m: order 1: x",
	"[2026-11-21 14:08:36.735] error: order 1: x",
	"2026-11-21 14:08:36 [shop] error: x",
	"2026-11-21T13:08:36.735Z [app] - ERROR: msg",
	"2026-11-21T13:08:36.735Z - error: msg",
	"(2026-11-21 14:08:36) ERROR: x",
	"<2026-11-21 14:08:36> ERROR: x",
	"[ERROR] [2026-11-21 14:08:36] shop: x",
	"2026-11-21 14:08:36 <error> msg: x",
	"2026-11-21 14:08:36.735 info: order 1: x",
	"E1121 14:08:36.735000    4242 main.go:10] x: y",
	"I, [2026-11-21T14:08:36.735304 #4242]  INFO -- : a",
	"[Sat Nov 21 14:08:36.735 2026] [core:error] [pid 4242] AH00024: x",
	"[Nest] 4242  - 11/21/2026, 2:08:36 PM   ERROR [ExceptionsHandler] x: y",
	"21-Nov-2026 14:08:36.735 SEVERE [main] org.x.Y: z",
	"Nov 21, 2026 2:08:36 PM org.x.Foo2 bar: z",
	"14:08:36,735 |-ERROR in ch.qos.logback2 - x: y",
	"14:08:36 ERROR: x",
	"14:08:36 | 4242 | ERROR: x",
	"12:30:01 10.0.0.7: hello",
	"12:30:01 job 17: started",
	"12:30:01 404: not found",
	"[2026-11-21 12:30:01] 127.0.0.1:5000: a",
	"[2026-11-21 12:30:01] POST /orders 500: a",
	"10.0.0.7 - - [21/Nov/2026:13:08:36 +0000] \"GET http://x: y\" 200 1",
	"4242:M 21 Nov 2026 14:08:36.735 * Ready: x",
	"4242:C 21 Nov 2026 14:08:36.735 # oO0: x",
	"2026-11-21 14:08:36 -10 degrees: x",
	"2026-11-21 14:08:36 +2: x",
	"2026-11-21 14:08:36 v1.2: x",
	"2009-08-07 Version 1.1: x",
	"2009-08-07: x", "20051107: Bumped up version number", "- 2026-11-21: x", "2025-04-14, 2009-08-07: x", "7 Aug 2009: x", "07.08.2009: x",
	"2026-11-21 1.1: x",
	"2026-11-21 #17: x",
	"2026-11-21 14:08:36 #17: x",
	"2026-11-21 14:08:36 订单: x",
	"2026-13-21 14:08:36: x",
	"[2026-11-21 14:08:36: x",
	"2026-11-21 14:08:36]: x",
	"1995-11-21 14h08: x",
	"worker 1: started", "10: ten", "GET /a 200: ok", "127.0.0.1:3000: x", "src/a.js:12:5: error", "v1.2.3: released", "step 3/5: build", "14:08:36 worker: x",
	"[api] 12: x", "2026: a year", "chapter 12: x", "node:internal/a:12: x", "1.2.3.4: x", "1:2: x", "5:10: x", "At 10:30: meeting", "Room 101: x", "12.30.45: x", "10.11.12: x",
	"may 5th may 6: x", "Sun 3: x", "Q3 2026: x", "1795266516735123: x", "17952665: x", "3/4: x", "100%: x", "99.5: x", "0x1F: x", "{1}: x",
}

// Whatever loggers write before a colon, the line stays as it is, however often it comes.
func TestPrefix_IsNoHeadOfALogger(t *testing.T) {
	for _, line := range heads {
		for _, size := range []int{1, 1 << 20} {
			got := feedSizes(newAssembler(State{}), strings.Repeat(line+"\n", 8), size)
			want := make([]string, 8)
			for i := range want {
				want[i] = line
			}
			assert.Equal(t, want, texts(got), "blocks of %d", size)
			assert.Zero(t, times(got), line)
		}
	}
	t.Logf("%d heads", len(heads))
}

// A checkpoint may hold a shape that no release of today would learn.
func TestPrefix_ShapeOfACheckpointIsCheckedAtEachUse(t *testing.T) {
	for _, line := range heads {
		n := prefixLen([]byte(line))
		if n == 0 {
			continue
		}
		state := State{Prefix: Prefix{Shape: string(shapeOf(nil, []byte(line[:n])))}}
		got := feedSizes(newAssembler(state), line+"\n", 1)
		assert.Equal(t, []string{line}, texts(got))
	}
}
