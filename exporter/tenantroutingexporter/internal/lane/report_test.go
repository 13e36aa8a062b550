// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package lane

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// An operator who has fixed one problem finds the next one in the log.
func TestBlocked_LogsEachReasonOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.WarnLevel)
		s := start(t, Settings{Config: testConfig(), Logger: zap.New(core)})
		blocked := func(reason string) Result { return Result{Verdict: Blocked, Reason: reason} }
		d := &stub{answer: answers(blocked("http_401"), blocked("http_401"), blocked("config"), Result{Verdict: Retry, Reason: "http_503"},
			blocked("config"), blocked("tls"), Result{Verdict: Retry, Reason: "http_503"}, Result{Verdict: Retry, Reason: "timeout"})}
		offer(t, s, one("a", "1", d))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		var logged []any
		for _, e := range logs.FilterMessage("A destination does not take data; its lane waits").All() {
			logged = append(logged, e.ContextMap()["reason"])
		}
		assert.Equal(t, []any{"http_401", "config", "tls"}, logged)
		assert.Greater(t, d.attempts(), 8)
	})
}

// Whatever is logged when it begins is logged when it ends.
func TestSucceeded_LogsTheEndOfEachFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		cfg := testConfig()
		cfg.BreakerFailures = 5
		s := start(t, Settings{Config: cfg, Logger: zap.New(core)})
		full := Result{Verdict: Retry, Reason: "disk_full"}
		d := &stub{answer: answers(Result{}, full, full, Result{}, Result{Verdict: Blocked, Reason: ReasonKeyNotSent}, Result{})}
		for range 4 {
			offer(t, s, one("a", "1", d))
			time.Sleep(10 * time.Minute)
		}
		synctest.Wait()
		var logged []string
		for _, e := range logs.All() {
			logged = append(logged, e.Message)
		}
		assert.Equal(t, []string{
			"A destination does not take data; its lane waits", "A destination takes data again",
			"The key is not sent to a destination, because its address has no TLS; its lane waits", "A destination takes data again",
		}, logged)
	})
}

// A backend that rejects everything as fast as it can must neither fill the log nor
// hide what those of other tenants reject.
func TestRejected_IsLoggedOnceInAnInterval(t *testing.T) {
	for text, res := range map[string]Result{
		"A destination rejected a batch permanently": {Verdict: Rejected, Reason: "http_400"},
		"A destination took only part of a batch":    {Rejected: 1, Reason: "partial_success", Err: errors.New("no")},
	} {
		synctest.Test(t, func(t *testing.T) {
			core, logs := observer.New(zapcore.WarnLevel)
			s := start(t, Settings{Config: testConfig(), Logger: zap.New(core)})
			hostile, other := &stub{answer: answers(res)}, &stub{answer: answers(res)}
			for range 50 {
				offer(t, s, one("a", "1", hostile))
				time.Sleep(time.Second)
			}
			offer(t, s, one("b", "1", other))
			time.Sleep(rejectionInterval / 2) // an idle lane closes at some time
			offer(t, s, one("a", "1", hostile))
			synctest.Wait()
			var logged []any
			for _, e := range logs.FilterMessage(text).All() {
				logged = append(logged, e.ContextMap()["tenant"], e.ContextMap()["refusals_not_logged"])
			}
			assert.Equal(t, []any{"a", int64(0), "b", int64(0), "a", int64(49)}, logged)
		})
	}
}
