package lane

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// Whoever has mended one thing reads in the log what is wrong next.
func TestBlocked_TellsEachReasonOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.WarnLevel)
		s := start(t, Settings{Config: testConfig(), Logger: zap.New(core)})
		blocked := func(reason string) Result { return Result{Verdict: Blocked, Reason: reason} }
		d := &stub{answer: answers(blocked("http_401"), blocked("http_401"), blocked("config"), Result{Verdict: Retry, Reason: "http_503"},
			blocked("config"), blocked("tls"), Result{Verdict: Retry, Reason: "http_503"}, Result{Verdict: Retry, Reason: "timeout"})}
		offer(t, s, one("a", "1", d))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		var told []any
		for _, e := range logs.FilterMessage("A destination does not take data; its lane waits").All() {
			told = append(told, e.ContextMap()["reason"])
		}
		assert.Equal(t, []any{"http_401", "config", "tls"}, told)
		assert.Greater(t, d.attempts(), 8)
	})
}
