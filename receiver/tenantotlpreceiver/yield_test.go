// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantotlpreceiver

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/guard"
)

// Connections that send requests without a pause yield to others. The guard does the same
// for reads.
func TestYields(t *testing.T) {
	h := &httpServer{intake: &intake{guard: guard.New(guard.Settings{})}}
	for name, work := range map[string]func(){
		"a request over HTTP": func() {
			h.outermost(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
				ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			var ran atomic.Bool
			done := make(chan struct{})
			go func() {
				defer close(done)
				ran.Store(true)
			}()
			for range 5 { // the scheduler takes who has just yielded first now and then
				work()
			}
			assert.True(t, ran.Load(), "another goroutine that is ready waits")
			<-done
		})
	}
}
