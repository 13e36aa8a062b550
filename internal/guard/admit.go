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
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// requestOverhead is what a request holds beside its body: a goroutine, and buffers
// of the connection.
const requestOverhead = 16 << 10

// Request is one admitted request. It belongs to the goroutine that handles it.
type Request struct {
	guard    *Guard
	tenant   tenant.ID // empty: not authenticated
	signal   tenant.Signal
	protocol Protocol
	held     int64
	buffers  []*buffer
	working  bool // is at work
	large    bool // computes one after the other with other large ones
	turn     bool // it is its turn
	released bool

	share *share
	began time.Time // when what computes began; zero: nothing does
	ctx   context.Context
}

// Admit decides from the identity in ctx whether a request may be read. It is called
// when the headers have arrived and the caller is authenticated. Every admitted
// request must be released.
func (g *Guard) Admit(ctx context.Context, signal tenant.Signal) (*Request, error) {
	r := &Request{guard: g, signal: signal, protocol: protocolOf(ctx), ctx: ctx}
	if err := r.identify(ctx); err != nil {
		return nil, r.Count(err)
	}
	if err := g.overLimit(r.tenant, signal, 0, 0); err != nil {
		r.count(reasonOf(err))
		return nil, err
	}
	switch g.requests.take(r.tenant, 1) {
	case overShare:
		delay(ctx)
		return nil, r.reject(rejection.TenantRequests)
	case overTotal:
		return nil, r.reject(rejection.Requests)
	}
	if err := r.Reserve(requestOverhead); err != nil {
		g.requests.give(r.tenant, 1)
		return nil, err
	}
	r.share = g.shares.of(r.tenant)
	if p, ok := peer.FromContext(ctx); ok {
		g.conns.usedByGRPC(p, r.share)
	}
	r.wait(ctx)
	return r, nil
}

// overShareDelay is how much later a tenant with too many requests in flight gets its
// answer. A sender that does not slow down would otherwise have the processor busy
// with answers, and others would wait for their turn.
const overShareDelay = 500 * time.Millisecond

// delay waits for the end of overShareDelay or ctx.
func delay(ctx context.Context) {
	timer := time.NewTimer(overShareDelay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// identify sets the tenant of the request, or returns why its caller may not send. A
// request without an identity is one at an agent: all its callers count as one. A receiver
// with an authenticator passes no such request.
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

// Decoded ends the use of the body. Its buffer is used again, while
// what it holds stays reserved for what is made of the request: what sends or
// stores it encodes it again.
func (r *Request) Decoded() {
	r.Computed()
	for _, b := range r.buffers {
		r.guard.buffers.put(b)
	}
	r.buffers = nil
}

// Release gives back what the request holds, its buffers too. It may be called
// again.
func (r *Request) Release() {
	if r.released {
		return
	}
	r.released = true
	r.Computed()
	if r.working {
		r.guard.turns.leave(r.tenant)
	}
	r.Decoded()
	r.guard.memory.give(r.tenant, r.held)
	r.held = 0
	r.guard.pressure.changed()
	r.guard.requests.give(r.tenant, 1)
}

// Tenant returns the tenant of the request, empty if it is not authenticated.
func (r *Request) Tenant() tenant.ID { return r.tenant }

// Reserve takes n more bytes for the request. The error is retryable unless the
// request alone is too large.
func (r *Request) Reserve(n int64) error {
	g := r.guard
	if r.held+n > g.memory.most {
		return r.rejectWith(rejection.TooLarge, g.tooLarge())
	}
	switch g.memory.take(r.tenant, n) {
	case overShare:
		return r.reject(rejection.TenantMemory)
	case overTotal:
		return r.reject(rejection.Memory)
	}
	r.held += n
	g.pressure.changed()
	return nil
}

// tooLarge is the text for a request that no tenant may have. It names what the
// configuration allows, whatever of it the body has taken already.
func (g *Guard) tooLarge() string {
	return fmt.Sprintf("the request needs more than %v of memory, its body included, which is the most that requests of one tenant may have: send smaller requests",
		bytesize.Size(g.memory.most))
}

// unreserve gives back n bytes of what was reserved.
func (r *Request) unreserve(n int64) {
	r.held -= n
	r.guard.memory.give(r.tenant, n)
}

// Check looks at an encoded request before it is decoded, asks the posted limiters
// whether it may pass, and reserves what its decoded form needs. It charges no
// limit. Where many requests of the tenant are at work it waits for its turn, which
// ends with Release. What it accepts is decoded from what [Request.Readable] returns.
func (r *Request) Check(json bool, data []byte) (otlpwire.Counts, error) {
	g := r.guard
	if !r.working {
		g.turns.enter(r.tenant)
		r.working = true
	}
	if err := r.grown(int64(len(data))); err != nil {
		return otlpwire.Counts{}, r.gone()
	}
	r.began = g.shares.now()
	check, size := otlpwire.CheckProto, int64(len(data))
	if json {
		check, size = otlpwire.CheckJSON, 0 // limits count the size in protobuf
	}
	counts, err := check(r.signal, data, g.wireLimits(r.held))
	if err != nil {
		return counts, r.Count(g.wireError(err))
	}
	if err := g.overLimit(r.tenant, r.signal, counts.Records, size); err != nil {
		r.count(reasonOf(err))
		return counts, err
	}
	if err := r.Reserve(counts.Memory); err != nil {
		return counts, err
	}
	if err := r.grown(counts.Memory / decodedLarge); err != nil {
		return counts, r.gone()
	}
	return counts, nil
}

// decodedLarge is how many times its size a usual request needs in memory.
const decodedLarge = 4

// gone returns the answer to a request whose caller does not wait for it any more.
func (r *Request) gone() error {
	return r.reject(rejection.Canceled)
}

// Readable returns the encoded request of which Check has counts in a form that pdata
// decodes: data itself, but for JSON that allows more than pdata reads. The result is
// valid until Release, data is not.
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
			r.drop(b) // the one that has data
			break
		}
	}
	return form.data, nil
}

// CheckMessage looks at an encoded message of gRPC that belongs to no [Request],
// because its receiver decodes before it asks.
func (g *Guard) CheckMessage(signal tenant.Signal, data []byte) error {
	if _, err := otlpwire.CheckProto(signal, data, g.wireLimits(int64(len(data)))); err != nil {
		return g.Count(GRPC, g.wireError(err))
	}
	return nil
}

// wireLimits are those of a request that holds bytes already.
func (g *Guard) wireLimits(held int64) otlpwire.Limits {
	return otlpwire.Limits{Depth: g.set.MaxDepth, Elements: g.set.MaxElements, Memory: max(1, g.memory.most-held)}
}

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

// reject counts and returns the rejection for reason.
func (r *Request) reject(reason rejection.Reason) error { return r.Count(rejection.Of(reason)) }

// rejectWith is reject with a text that names the configured limit.
func (r *Request) rejectWith(reason rejection.Reason, text string) error {
	return r.Count(rejection.New(reason, text))
}

// Count counts the rejection err of the request and returns it.
func (r *Request) Count(err *rejection.Error) error {
	r.count(err.Reason())
	return err
}

func (r *Request) count(why rejection.Reason) {
	r.guard.stats.reject(r.protocol, why)
	if why != rejection.Canceled { // nobody was refused
		r.guard.boards.Post(r.ctx, tenant.NewSignals(r.signal), why.String())
	}
}

func reasonOf(err error) rejection.Reason {
	return rejection.From(err).Reason()
}
