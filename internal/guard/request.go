// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package guard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/otelcol-tenant/otelcol-tenant/internal/admission"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	// requestWork is the work that is counted for a request besides that of its connection
	// and its content: a goroutine, the identity of the caller, the response.
	requestWork = 20 * time.Microsecond

	// overShareDelay delays the response to a tenant with too many requests in flight. A
	// sender that does not slow down would otherwise keep the processors busy with responses,
	// and delay other tenants.
	overShareDelay = 500 * time.Millisecond

	// decodedLarge is how many times its encoded size a usual request needs in memory.
	decodedLarge = 4
)

// Request is one admitted request. It holds what was reserved for it until Release. It is not
// safe for concurrent use, except for what [Compute] does with it.
type Request struct {
	guard    *Guard
	tenant   tenant.ID // empty: not authenticated
	signal   tenant.Signal
	protocol Protocol
	held     int64
	size     int64 // of the decompressed body; 0: not known yet
	buffers  []*buffer
	account  *account
	ctx      context.Context

	hasTenantSlot  bool
	large          bool // needs a compute slot
	hasComputeSlot bool
	released       bool
	workBegan      time.Time // start of the work in progress; zero: none
}

// Admit decides from the identity in ctx whether a request may be read. A receiver calls it
// when the headers have arrived and the caller is authenticated. It must release every
// admitted request. Admit may pause if the tenant is throttled.
func (g *Guard) Admit(ctx context.Context, signal tenant.Signal) (*Request, error) {
	r := &Request{guard: g, signal: signal, protocol: protocolOf(ctx), ctx: ctx}
	if err := r.identify(ctx); err != nil {
		return nil, r.Count(err)
	}
	if err := r.checkLimiters(0, 0); err != nil {
		return nil, err
	}
	switch g.requests.take(r.tenant, 1) {
	case overShare:
		sleep(ctx, overShareDelay)
		return nil, r.reject(rejection.TenantRequests)
	case overTotal:
		return nil, r.reject(rejection.Requests)
	}
	if err := r.Reserve(capacity.RequestOverhead); err != nil {
		g.requests.give(r.tenant, 1)
		return nil, err
	}
	r.account = g.throttler.account(r.tenant)
	if p, ok := peer.FromContext(ctx); ok {
		g.conns.usedByGRPC(p, r.account)
	}
	r.pause(ctx)
	return r, nil
}

// identify sets the tenant of the request, or returns why its caller may not send. An agent
// has no authenticator: its requests have no identity, and all its callers count as one
// tenant. A receiver with an authenticator passes no request without an identity.
func (r *Request) identify(ctx context.Context) *rejection.Error {
	caller, ok := tenant.FromContext(ctx)
	if !ok {
		return nil
	}
	if why := r.guard.decide(caller, r.signal); why != rejection.None {
		return rejection.Of(why, r.signal)
	}
	r.tenant = caller.Tenant()
	return nil
}

// decide returns why a caller may not send signal, or [rejection.None]. Without a registry
// only the identity decides.
func (g *Guard) decide(caller *tenant.Identity, signal tenant.Signal) rejection.Reason {
	if g.set.Registry != nil {
		_, why := admission.Decide(caller, g.set.Registry(), signal)
		return why
	}
	switch {
	case !caller.Decided():
		return rejection.NotLoaded
	case !caller.Scopes().Has(signal):
		return rejection.Scope
	}
	return rejection.None
}

func protocolOf(ctx context.Context) Protocol {
	if grpc.ServerTransportStreamFromContext(ctx) != nil {
		return GRPC
	}
	return HTTP
}

// pause waits if the tenant is over the limit of the throttler. This also throttles a tenant
// that shares a connection with others, which connThrottle does not slow down.
func (r *Request) pause(ctx context.Context) {
	r.account.use(requestWork)
	d := r.account.pause()
	if d == 0 {
		return
	}
	r.guard.throttler.stats.add(d)
	sleep(ctx, d)
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Tenant returns the tenant of the request, empty if it is not authenticated.
func (r *Request) Tenant() tenant.ID { return r.tenant }

// Begin is Check for receivers of protocols other than OTLP. It begins the decoding of a
// request whose decompressed body has size bytes and that has at least records records. It
// waits while too many requests of the tenant are being processed, and calls the limiters of
// [Guard.PostLimiter]. It reserves nothing, and charges no limit.
func (r *Request) Begin(size int64, records int) error {
	if err := r.beginWork(size); err != nil {
		return err
	}
	return r.checkLimiters(records, 0)
}

// beginWork waits for the slots that a request of size bytes needs, and then starts to count
// its work.
func (r *Request) beginWork(size int64) error {
	r.size = size
	if !r.hasTenantSlot {
		r.guard.tenantSlots.acquire(r.tenant)
		r.hasTenantSlot = true
	}
	if err := r.hasSize(size); err != nil {
		return r.canceled()
	}
	r.workBegan = r.guard.throttler.now()
	return nil
}

// checkLimiters returns the counted error of the first limiter that has one.
func (r *Request) checkLimiters(records int, bytes int64) error {
	err := r.guard.limiters.check(r.tenant, r.signal, records, bytes)
	if err != nil {
		r.count(rejection.From(err), records)
	}
	return err
}

// hasSize makes the request a large one if it has n bytes. A large request waits for a compute
// slot. The error is that of the request's context.
func (r *Request) hasSize(n int64) error {
	if n < r.guard.set.LargeRequest {
		return nil
	}
	r.large = true
	if r.hasComputeSlot {
		return nil
	}
	waitBegan := r.guard.throttler.now()
	if err := r.guard.computeSlots.acquire(r.ctx, r.tenant); err != nil {
		return err
	}
	r.hasComputeSlot = true
	if !r.workBegan.IsZero() { // the wait is no work
		r.workBegan = r.workBegan.Add(r.guard.throttler.now().Sub(waitBegan))
	}
	return nil
}

// Readable returns an encoded request, of which Check returned counts, in a form that pdata
// decodes. This is data itself, except for JSON in a form that pdata does not read. The result
// is valid until Release; data is not valid anymore.
func (r *Request) Readable(counts otlpwire.Counts, data []byte) ([]byte, error) {
	if counts.Rewritten == 0 {
		return data, nil
	}
	form, err := r.buffer(int64(counts.Rewritten))
	if err != nil {
		return nil, err
	}
	if form.data, err = otlpwire.RewriteJSON(form.data, r.signal, data); err != nil {
		return nil, r.Count(r.guard.wireError(err))
	}
	for _, b := range r.buffers {
		if b != form {
			r.drop(b) // the buffer of data
			break
		}
	}
	return form.data, nil
}

type requestKey struct{}

// Context returns ctx with the request, for [Compute].
func (r *Request) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// Size returns the size in bytes of the decompressed body of the request of ctx, or 0 if it is
// not known.
func Size(ctx context.Context) int64 {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r.size
	}
	return 0
}

// Compute begins work for the request of ctx that needs a processor and does not block. The
// caller must call end when the work is done. For a large request, Compute waits for a compute
// slot, and returns only the error of ctx if ctx ends first. Without a request in ctx, as from
// receivers without a guard, it does nothing.
func Compute(ctx context.Context) (end func(), err error) {
	r, ok := ctx.Value(requestKey{}).(*Request)
	if !ok {
		return func() {}, nil
	}
	return r.compute(ctx)
}

// compute implements Compute. It changes no field of r, since the caller may be on another
// goroutine and outlive the request.
func (r *Request) compute(ctx context.Context) (end func(), err error) {
	g := r.guard
	if r.large {
		if err := g.computeSlots.acquire(ctx, r.tenant); err != nil {
			return nil, err
		}
	}
	began := g.throttler.now()
	return func() {
		r.account.use(g.throttler.now().Sub(began))
		if r.large {
			g.computeSlots.release()
		}
	}, nil
}

// Computed ends the work that Check or Begin started, and frees the compute slot of a large
// request. Decoded and Release do the same. Call it before the request blocks.
func (r *Request) Computed() {
	if !r.workBegan.IsZero() {
		r.account.use(r.guard.throttler.now().Sub(r.workBegan))
		r.workBegan = time.Time{}
	}
	if r.hasComputeSlot {
		r.hasComputeSlot = false
		r.guard.computeSlots.release()
	}
}

// Decoded ends the use of the body, so that its buffers can be reused. Their memory stays
// reserved for the decoded form, because the exporter or queue encodes it again.
func (r *Request) Decoded() {
	r.Computed()
	for _, b := range r.buffers {
		r.guard.buffers.put(b)
	}
	r.buffers = nil
}

// Release returns what the request holds, its buffers included. It may be called again.
func (r *Request) Release() {
	if r.released {
		return
	}
	r.released = true
	r.Computed()
	if r.hasTenantSlot {
		r.guard.tenantSlots.release(r.tenant)
	}
	r.Decoded()
	r.guard.memory.give(r.tenant, r.held)
	r.held = 0
	r.guard.pressure.changed()
	r.guard.requests.give(r.tenant, 1)
}

// Reserve takes n more bytes for the request. The error is retryable unless the request
// is too large even when no other is in flight.
func (r *Request) Reserve(n int64) error {
	if r.held+n > r.guard.memory.most {
		return r.rejectWith(rejection.TooLarge, r.guard.tooLarge())
	}
	switch r.tryReserve(n) {
	case overShare:
		return r.reject(rejection.TenantMemory)
	case overTotal:
		return r.reject(rejection.Memory)
	}
	return nil
}

// tryReserve takes n more bytes for the request if they are free, and counts no rejection.
func (r *Request) tryReserve(n int64) verdict {
	if r.held+n > r.guard.memory.most {
		return overTotal
	}
	v := r.guard.memory.take(r.tenant, n)
	if v == granted {
		r.held += n
		r.guard.pressure.changed()
	}
	return v
}

// unreserve returns n of the reserved bytes.
func (r *Request) unreserve(n int64) {
	r.held -= n
	r.guard.memory.give(r.tenant, n)
}

// buffer reserves and returns a buffer of at least n bytes.
func (r *Request) buffer(n int64) (*buffer, error) {
	if err := r.Reserve(capacity.SizeOf(n)); err != nil {
		return nil, err
	}
	b := r.guard.buffers.get(n)
	r.buffers = append(r.buffers, b)
	return b, nil
}

// grow moves the content of b to a buffer of at least n bytes. Both are reserved during the
// move.
func (r *Request) grow(b *buffer, n int64) (*buffer, error) {
	larger, err := r.buffer(n)
	if err != nil {
		return b, err
	}
	larger.data = append(larger.data, b.data...)
	r.drop(b)
	return larger, nil
}

// drop returns b and its reservation before the request ends.
func (r *Request) drop(b *buffer) {
	for i, other := range r.buffers {
		if other == b {
			r.buffers[i] = r.buffers[len(r.buffers)-1]
			r.buffers = r.buffers[:len(r.buffers)-1]
			r.unreserve(int64(cap(b.data)))
			r.guard.buffers.put(b)
			return
		}
	}
}

// CheckMessage checks an encoded gRPC message that belongs to no [Request], because its
// receiver decodes it before it calls Admit.
func (g *Guard) CheckMessage(signal tenant.Signal, data []byte) error {
	if _, err := otlpwire.CheckProto(signal, data, g.wireLimits(int64(len(data)))); err != nil {
		return g.Count(GRPC, g.wireError(err))
	}
	return nil
}

// wireLimits returns the limits of a request that holds bytes already.
func (g *Guard) wireLimits(held int64) otlpwire.Limits {
	return otlpwire.Limits{Depth: g.set.MaxDepth, Elements: g.set.MaxElements, Memory: max(1, g.memory.most-held)}
}

// wireError returns the rejection for an error of otlpwire.
func (g *Guard) wireError(err error) *rejection.Error {
	reason := rejection.Malformed
	if e := (*otlpwire.Error)(nil); errors.As(err, &e) {
		switch e.Reason {
		case otlpwire.ReasonDepth:
			reason = rejection.Depth
		case otlpwire.ReasonElements:
			reason = rejection.Elements
		case otlpwire.ReasonMemory:
			return rejection.New(rejection.TooLarge, g.tooLarge())
		}
	}
	return rejection.New(reason, err.Error())
}

// tooLarge returns the text for a request that needs more memory than any tenant may have. It
// names the configured limit, not what remains of it after the body.
func (g *Guard) tooLarge() string {
	return fmt.Sprintf("the request needs more than %v of memory, its body included, which is the most that requests of one tenant may have: send smaller requests",
		bytesize.Size(g.memory.most))
}

// reject counts and returns the rejection for reason.
func (r *Request) reject(reason rejection.Reason) error { return r.Count(rejection.Of(reason)) }

// rejectWith is reject with a text that names the configured limit.
func (r *Request) rejectWith(reason rejection.Reason, text string) error {
	return r.Count(rejection.New(reason, text))
}

// canceled counts and returns the rejection of a request whose caller has given up.
func (r *Request) canceled() error { return r.reject(rejection.Canceled) }

// Count counts the rejection err of the request and returns it.
func (r *Request) Count(err *rejection.Error) error {
	r.count(err, 0)
	return err
}

func (r *Request) count(err *rejection.Error, records int) {
	why := err.Reason()
	r.guard.stats.reject(r.protocol, why)
	if why != rejection.Canceled { // the caller has given up, so it was not rejected anything
		r.guard.boards.Post(r.ctx, rejection.Rejected{
			Signal: tenant.NewSignals(r.signal), Reason: why.String(), Text: err.Error(), Records: records, Bytes: r.size,
		})
	}
}
