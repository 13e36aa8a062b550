package guard

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestTurns_BoundATenantAndDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(2)
		var mu sync.Mutex
		var order []int
		var work sync.WaitGroup
		for n := range 5 {
			work.Go(func() {
				turns.enter("a")
				mu.Lock()
				defer mu.Unlock()
				order = append(order, n)
			})
			synctest.Wait() // they come in this order
		}
		assert.Equal(t, []int{0, 1}, order, "two of a tenant work at a time")

		turns.enter("b") // blocks forever if a's requests delay it
		turns.leave("b")

		for want := 3; want <= 5; want++ {
			turns.leave("a")
			synctest.Wait()
			assert.Len(t, order, want)
		}
		assert.Equal(t, []int{0, 1, 2, 3, 4}, order, "in their order")
		turns.leave("a")
		turns.leave("a")
		work.Wait()
		assert.Empty(t, turns.tenants, "nothing is kept of tenants without requests")
	})
}

// TestRequest_GivesItsTurnBack has more requests checked one after the other than may
// work at a time: good ones, refused ones, and ones that are released twice.
func TestRequest_GivesItsTurnBack(t *testing.T) {
	g := New(Settings{})
	for n := range 3 * requestsAtWork {
		r, err := g.Admit(t.Context(), tenant.Logs)
		require.NoError(t, err)
		_, err = r.Check(n%2 == 0, []byte("{}"))
		assert.Equal(t, n%2 == 0, err == nil, "{} is JSON and no protobuf")
		r.Release()
		r.Release()
	}
	assert.Empty(t, g.turns.tenants)
}
