// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/status"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// Bounds for conditions that tests wait for. They decide no result.
const (
	waitFor = time.Minute
	tick    = time.Millisecond
)

func TestAdmit_DecidesFromHeadersAlone(t *testing.T) {
	loaded := tenanttest.NewRegistry(t,
		&tenant.Tenant{ID: "active"}, &tenant.Tenant{ID: "suspended", Status: tenant.StatusSuspended},
		&tenant.Tenant{ID: "deleted", Status: tenant.StatusDeleted})
	logsOnly := tenant.NewContext(context.Background(), tenant.NewIdentity("active", "k", tenant.NewSignals(tenant.Logs)))
	undecided := tenant.NewContext(context.Background(), tenant.Undecided())
	for _, tt := range []struct {
		name     string
		registry *tenanttest.Registry
		ctx      context.Context
		signal   tenant.Signal
		want     rejection.Reason
	}{
		{"active", loaded, asTenant("active"), tenant.Traces, rejection.None},
		{"no registry configured", nil, asTenant("suspended"), tenant.Traces, rejection.None},
		{"an agent's caller", loaded, context.Background(), tenant.Logs, rejection.None},
		{"suspended", loaded, asTenant("suspended"), tenant.Traces, rejection.Suspended},
		{"deleted", loaded, asTenant("deleted"), tenant.Traces, rejection.UnknownTenant},
		{"gone", loaded, asTenant("gone"), tenant.Traces, rejection.UnknownTenant},
		{"undecided", loaded, undecided, tenant.Traces, rejection.NotLoaded},
		{"never loaded", &tenanttest.Registry{}, asTenant("active"), tenant.Traces, rejection.NotLoaded},
		{"in scope", loaded, logsOnly, tenant.Logs, rejection.None},
		{"out of scope", loaded, logsOnly, tenant.Metrics, rejection.Scope},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := Settings{}
			if tt.registry != nil {
				set.Registry = tt.registry.Snapshot
			}
			g, board := New(set), &tenanttest.Rejections{}
			g.PostRejections(rejection.Boards{board})
			r, err := g.Admit(tt.ctx, tt.signal)
			caller, known := tenant.FromContext(tt.ctx)
			if posted := board.Take(); tt.want != rejection.None && known && caller.Decided() {
				want := rejection.Rejected{Tenant: caller.Tenant(), KeyID: caller.KeyID(), Reason: tt.want.String(), Signal: tenant.NewSignals(tt.signal), Text: err.Error()}
				assert.Equal(t, []rejection.Rejected{want}, posted)
			} else {
				assert.Empty(t, posted)
			}
			if tt.want == rejection.None {
				require.NoError(t, err)
				r.Release()
				r.Release()
			} else {
				assert.Equal(t, tt.want, reasonFor(t, err))
				assert.Equal(t, !tt.want.Retryable(), consumererror.IsPermanent(err))
				counted := map[rejection.Reason]int64{}
				g.Stats().Rejected(func(_ Protocol, why rejection.Reason, n int64) { counted[why] += n })
				assert.Equal(t, map[rejection.Reason]int64{tt.want: 1}, counted)
			}
			assertNothingHeld(t, g)
		})
	}
}

func TestAdmit_BoundsRequestsOfATenantAndInAll(t *testing.T) {
	g := New(Settings{Requests: 16, TenantRequests: 4})
	var held []*Request
	for range 4 {
		held = append(held, admit(asTenant("a"), t, g))
	}
	_, err := g.Admit(asTenant("a"), tenant.Logs)
	assert.Equal(t, rejection.TenantRequests, reasonFor(t, err))
	for i := range 12 {
		held = append(held, admit(asTenant(tenant.ID(fmt.Sprint(i))), t, g))
	}
	_, err = g.Admit(asTenant("late"), tenant.Logs)
	assert.Equal(t, rejection.Requests, reasonFor(t, err))
	for _, r := range held {
		r.Release()
	}
	assertNothingHeld(t, g)
}

func TestReserve_IsPermanentForARequestOverTheTenantLimit(t *testing.T) {
	g := New(Settings{Memory: 10 * mib})
	r := admit(asTenant("a"), t, g)
	other := admit(asTenant("a"), t, g)
	require.NoError(t, r.Reserve(4*mib))
	err := other.Reserve(3 * mib)
	assert.Equal(t, rejection.TenantMemory, reasonFor(t, err))
	assert.False(t, consumererror.IsPermanent(err))
	err = other.Reserve(7 * mib)
	assert.Equal(t, rejection.TooLarge, reasonFor(t, err))
	assert.True(t, consumererror.IsPermanent(err))
	r.Release()
	require.NoError(t, other.Reserve(3*mib), "released memory is free")
	other.Release()
	assertNothingHeld(t, g)
}

func someLogs(t testing.TB, records int) []byte {
	t.Helper()
	ld := plog.NewLogs()
	all := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for range records {
		all.AppendEmpty().Body().SetStr("hello")
	}
	raw, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	require.NoError(t, err)
	return raw
}

func nested(t testing.TB, levels int) []byte {
	t.Helper()
	ld := plog.NewLogs()
	v := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body()
	for range levels {
		v = v.SetEmptySlice().AppendEmpty()
	}
	raw, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	require.NoError(t, err)
	return raw
}

func TestCheck_RejectsRequestsOverTheLimits(t *testing.T) {
	g := New(Settings{Memory: 16 * mib, MaxDepth: 8, MaxElements: 1000})
	for _, tt := range []struct {
		name string
		json bool
		data []byte
		want rejection.Reason
	}{
		{"few", false, someLogs(t, 10), rejection.None},
		{"empty", false, nil, rejection.None},
		{"nested as deeply as allowed", false, nested(t, 8), rejection.None},
		{"nested more deeply", false, nested(t, 9), rejection.Depth},
		{"many", false, someLogs(t, 1001), rejection.Elements},
		{"cut", false, someLogs(t, 10)[:20], rejection.Malformed},
		{"JSON", true, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}`), rejection.None},
		{"two JSON documents", true, []byte(`{"resourceLogs":[]}{"resourceLogs":[]}`), rejection.Malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := admit(asTenant("a"), t, g)
			_, before := g.InFlight()
			counts, err := r.Check(tt.json, tt.data)
			if tt.want == rejection.None {
				require.NoError(t, err)
				_, after := g.InFlight()
				assert.Equal(t, counts.Memory, after-before, "the memory of the decoded form is reserved")
			} else {
				assert.Equal(t, tt.want, reasonFor(t, err))
				assert.True(t, consumererror.IsPermanent(err))
			}
			r.Release()
			assertNothingHeld(t, g)
		})
	}
	big := New(Settings{Memory: 2 * mib})
	r := admit(asTenant("a"), t, big)
	_, err := r.Check(false, bytes.Repeat([]byte{0x0a, 6, 0x12, 4, 0x12, 2, 0x2a, 0}, 20_000))
	assert.Equal(t, rejection.TooLarge, reasonFor(t, err), "%v", err)
	r.Release()
}

// Readable rewrites JSON that protobuf allows and pdata does not read, in memory that is
// reserved for the request, and only once.
func TestReadable(t *testing.T) {
	const records = 3000
	record := `{"timeUnixNano":1.7e18,"attributes":[{"key":"ratio","value":{"doubleValue":null}}]}`
	body := `{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat(record+",", records-1) + record + `]}]}]}`
	read := func(t *testing.T, r *Request, body string) ([]byte, error) {
		data, err := r.ReadBody(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)), BodyLimits{})
		require.NoError(t, err)
		counts, err := r.Check(true, data)
		require.NoError(t, err)
		if counts.Rewritten == 0 {
			form, err := r.Readable(counts, data)
			require.NoError(t, err)
			assert.Same(t, &data[0], &form[0], "unchanged")
		}
		return r.Readable(counts, data)
	}
	t.Run("rewritten", func(t *testing.T) {
		g := New(Settings{})
		r := admit(asTenant("a"), t, g)
		data, err := read(t, r, body)
		require.NoError(t, err)
		require.Len(t, r.buffers, 1, "the original body is not kept")
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(data)
		require.NoError(t, err)
		require.Equal(t, records, ld.LogRecordCount())
		last := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(records - 1)
		assert.EqualValues(t, 1_700_000_000_000_000_000, last.Timestamp())
		assert.Equal(t, map[string]any{"ratio": nil}, last.Attributes().AsRaw())
		r.Release()
		assertNothingHeld(t, g)
	})
	t.Run("unchanged", func(t *testing.T) {
		g := New(Settings{})
		r := admit(asTenant("a"), t, g)
		_, err := read(t, r, `{"resourceLogs":[]}`)
		require.NoError(t, err)
		r.Release()
		assertNothingHeld(t, g)
	})
	t.Run("too large", func(t *testing.T) {
		g := New(Settings{Memory: 8 * mib, TenantMemory: 4 * mib})
		r := admit(asTenant("a"), t, g)
		_, err := read(t, r, `{"resourceLogs":[{"x":"`+strings.Repeat("x", mib+mib/2)+`","y":1e999}]}`)
		assert.Equal(t, rejection.TooLarge, reasonFor(t, err), "both forms together are over the limit")
		r.Release()
		assertNothingHeld(t, g)
	})
}

// A request that needs too much memory is rejected with the same text by every check. The text
// names the configured limit, not what remains of it after the body.
func TestTooLarge_NamesTheLimitThatIsConfigured(t *testing.T) {
	const want = "the request needs more than 5MiB of memory, its body included, which is the most that requests of one tenant may have: send smaller requests"
	protobuf := bytes.Repeat([]byte{0x0a, 6, 0x12, 4, 0x12, 2, 0x2a, 0}, 100_000)
	json := []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat("{},", 100_000) + `{}]}]}]}`)
	for name, reject := range map[string]func(g *Guard, r *Request) error{
		"reserved":     func(_ *Guard, r *Request) error { return r.Reserve(6 * mib) },
		"protobuf":     func(_ *Guard, r *Request) error { _, err := r.Check(false, protobuf); return err },
		"JSON":         func(_ *Guard, r *Request) error { _, err := r.Check(true, json); return err },
		"gRPC message": func(g *Guard, _ *Request) error { return g.CheckMessage(tenant.Logs, protobuf) },
		"body":         func(_ *Guard, r *Request) error { _, err := r.buffer(6 * mib); return err },
	} {
		t.Run(name, func(t *testing.T) {
			g := New(Settings{Memory: 8 * mib})
			r := admit(asTenant("a"), t, g)
			require.NoError(t, r.Reserve(mib), "the body")
			err := reject(g, r)
			require.Equal(t, rejection.TooLarge, reasonFor(t, err))
			assert.Equal(t, want, status.Convert(err).Message())
			r.Release()
			assertNothingHeld(t, g)
		})
	}
}

func TestPostLimiter_IsCalledBeforeTheBodyAndBeforeDecoding(t *testing.T) {
	g := New(Settings{})
	type question struct {
		id      tenant.ID
		records int
		bytes   int64
	}
	var asked []question
	var answer error
	remove := g.PostLimiter(func(id tenant.ID, _ tenant.Signal, records int, bytes int64) error {
		asked = append(asked, question{id, records, bytes})
		return answer
	})
	data := someLogs(t, 3)
	r := admit(asTenant("a"), t, g)
	_, err := r.Check(false, data)
	require.NoError(t, err)
	_, err = r.Check(true, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{},{}]}]}]}`))
	require.NoError(t, err)
	assert.Equal(t, []question{{"a", 0, 0}, {"a", 3, int64(len(data))}, {"a", 2, 0}}, asked)

	answer = rejection.New(rejection.Rate, "over the limit of 1 log records per second")
	_, err = r.Check(false, data)
	assert.Equal(t, answer, err)
	r.Release()
	_, err = g.Admit(asTenant("a"), tenant.Logs)
	assert.Equal(t, answer, err)
	remove()
	remove()
	admit(asTenant("a"), t, g).Release()
	assertNothingHeld(t, g)
}

func TestPostLimiter_RemovesOnlyItself(t *testing.T) {
	g := New(Settings{})
	var removes []func()
	var mu sync.Mutex
	calls := map[int]int{}
	for i := range 3 {
		removes = append(removes, g.PostLimiter(func(tenant.ID, tenant.Signal, int, int64) error {
			mu.Lock()
			defer mu.Unlock()
			calls[i]++
			return nil
		}))
	}
	removes[1]()
	admit(asTenant("a"), t, g).Release()
	assert.Equal(t, map[int]int{0: 1, 2: 1}, calls)
}

// Hostile tenants take and keep all that they can get, while honest tenants send requests.
func TestGuard_AdmitsHonestTenantsDuringAnAttack(t *testing.T) {
	g := New(Settings{Memory: 64 * mib, Requests: 512})
	bomb := compressors(t)["gzip"](make([]byte, 4*mib))
	var hostile, rejected sync.WaitGroup
	release := make(chan struct{})
	for h := range 8 {
		for range 40 {
			rejected.Add(1)
			hostile.Go(func() {
				r, err := g.Admit(asTenant(tenant.ID(fmt.Sprint("hostile-", h))), tenant.Logs)
				if err == nil {
					defer r.Release()
					_, _ = r.ReadBody(httptest.NewRecorder(), post(bytes.NewReader(bomb), "gzip"), BodyLimits{})
					_ = r.Reserve(mib)
				}
				rejected.Done()
				<-release
			})
		}
	}
	var honest sync.WaitGroup
	body := compressors(t)["zstd"](someLogs(t, 100))
	for n := range 50 {
		honest.Go(func() {
			for range 20 {
				r, err := g.Admit(asTenant(tenant.ID(fmt.Sprint("honest-", n))), tenant.Logs)
				if !assert.NoError(t, err) {
					return
				}
				data, err := r.ReadBody(httptest.NewRecorder(), post(bytes.NewReader(body), "zstd"), BodyLimits{})
				if assert.NoError(t, err) {
					_, err = r.Check(false, data)
					assert.NoError(t, err)
				}
				r.Release()
			}
		})
	}
	honest.Wait()
	rejected.Wait()
	_, held := g.InFlight()
	assert.LessOrEqual(t, held, int64(64*mib))
	close(release)
	hostile.Wait()
	assertNothingHeld(t, g)
}

func TestFind_ErrorNamesTheExtension(t *testing.T) {
	id := component.MustNewID("request_guard")
	_, err := Find(tenanttest.Host{}, id)
	require.ErrorContains(t, err, `"request_guard" is not configured`)
	_, err = Find(tenanttest.Host{id: &tenanttest.Registry{}}, id)
	require.ErrorContains(t, err, `"request_guard" is not a request guard`)
	g := New(Settings{})
	host := tenanttest.Host{id: provider{guard: g}, component.MustNewID("tenant_registry"): &tenanttest.Registry{}}
	found, err := Find(host, id)
	require.NoError(t, err)
	assert.Same(t, g, found)
	assert.Equal(t, []*Guard{g}, FindAll(host))
}

type provider struct {
	component.StartFunc
	component.ShutdownFunc
	guard *Guard
}

func (p provider) Guard() *Guard { return p.guard }

func TestProtect_MakesAPanicARejection(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	g := New(Settings{Logger: zap.New(core)})
	own := errors.New("its own")
	assert.Equal(t, own, g.Protect(GRPC, func() error { return own }))
	require.NoError(t, g.ProtectHTTP(func() {}))
	for _, err := range []error{
		g.Protect(GRPC, func() error { panic("a secret") }),
		g.ProtectHTTP(func() { panic("a secret") }),
		g.Protect(GRPC, func() error { return g.Protect(GRPC, func() error { panic("a secret") }) }),
	} {
		assert.Equal(t, rejection.Panic, reasonFor(t, err))
		assert.True(t, consumererror.IsPermanent(err))
		assert.NotContains(t, err.Error(), "secret")
	}
	assert.EqualValues(t, 3, g.Stats().Panics(), "each panic once")
	require.Equal(t, 1, logged.Len(), "logged in aggregate")
	assert.Contains(t, logged.All()[0].ContextMap()["stack"], "TestProtect_MakesAPanicARejection.func")
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { _ = g.ProtectHTTP(func() { panic(http.ErrAbortHandler) }) })
	assert.EqualValues(t, 3, g.Stats().Panics(), "an aborted request is no panic")
}

func TestDecoded_ReusesTheBufferAndKeepsTheReservation(t *testing.T) {
	g := New(Settings{})
	r := admit(asTenant("a"), t, g)
	_, err := r.ReadBody(httptest.NewRecorder(), post(bytes.NewReader(make([]byte, 100_000)), ""), BodyLimits{})
	require.NoError(t, err)
	_, before := g.InFlight()
	r.Decoded()
	_, after := g.InFlight()
	assert.Equal(t, before, after)
	r.Release()
	assertNothingHeld(t, g)
}

func TestPressure_BeginsAtOnceAndEndsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var all []bool
		changes := func() []bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(all)
		}
		g := New(Settings{Memory: 64 * mib, Pressure: func(high bool) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, high)
		}})
		much := func() {
			r := admit(asTenant("a"), t, g)
			require.NoError(t, r.Reserve(17*mib))
			r.Release()
		}
		little := func() { admit(asTenant("a"), t, g).Release() }
		little()
		assert.Empty(t, changes())
		much()
		much()
		little()
		assert.Equal(t, []bool{true}, changes(), "not within minPressure")
		time.Sleep(minPressure)
		synctest.Wait()
		assert.Equal(t, []bool{true, false}, changes(), "without a further request")
		much()
		assert.Equal(t, []bool{true, false, true}, changes())

		r := admit(asTenant("a"), t, g)
		require.NoError(t, r.Reserve(17*mib))
		time.Sleep(2 * minPressure)
		synctest.Wait()
		assert.Equal(t, []bool{true, false, true}, changes(), "while much memory is held")
		r.Release()
		assert.Equal(t, []bool{true, false, true, false}, changes())
	})
}

// The tenant has no connection of its own.
func TestRequest_PausesWhileItsTenantUsesTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Settings{})
		g.throttler.target = 0
		took := func(id tenant.ID) time.Duration {
			began := time.Now()
			admit(asTenant(id), t, g).Release()
			return time.Since(began)
		}
		assert.Zero(t, took("a")+took("b"))
		g.throttler.limit.Store(int64(100 * time.Millisecond))
		g.throttler.account("a").use(time.Second)
		assert.Equal(t, maxPause, took("a"))
		assert.Zero(t, took("b"))
	})
}
