package guard

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// pace slows a connection down while its owner uses more than its share. What it cannot
// read stays in the kernel, and the sender waits: it costs no goroutine that can run.
//
// The work that a read brings is what happens until the next one. Over HTTP/2 that is the
// work for all frames of it, over HTTP/1 for the head of a request.
type pace struct {
	owner atomic.Pointer[share] // nil: of several tenants
	read  atomic.Int64          // when the last Read returned; 0: it has not
	got   atomic.Int64          // bytes of the last Read
	size  atomic.Int64          // bytes that it could bring
	spent atomic.Int64          // nanoseconds of work without an admitted request
}

const (
	// mostWorkOfRead bounds what is counted for a read, since its work may have waited.
	mostWorkOfRead = time.Millisecond

	// mostWorkOfWrite is the same for a write, which waits for the other side.
	mostWorkOfWrite = 50 * time.Microsecond

	// workOfCall is what is counted for a request beside its connection and its content:
	// a goroutine, the caller's identity, the answer.
	workOfCall = 20 * time.Microsecond

	// unauthenticatedWork is what a connection may use before its first admitted request
	// until it is slowed down, so that a flood of others does not delay new callers.
	unauthenticatedWork = 500 * time.Microsecond

	// A read brings at most smallRead bytes after one whose work took long for its bytes,
	// and at first, and then twice as many again and again.
	smallRead   = 512
	largeRead   = 1 << 20
	longPerByte = 50 * time.Nanosecond
)

// beforeRead counts the work of the last read, pauses, and returns how much of n bytes the
// next one may bring. It yields, because a connection that brings data without a pause
// waits for nothing and would keep the processor for 10 ms.
func (p *pace) beforeRead(n int) int {
	own, read := p.owner.Load(), p.read.Swap(0)
	work := time.Duration(0)
	if own != nil && read != 0 {
		work = time.Duration(min(own.all.now().UnixNano()-read, int64(mostWorkOfRead)))
	}
	runtime.Gosched()
	n = min(n, p.window(work))
	if work == 0 {
		return n
	}
	own.use(work)
	if own == &own.all.unauthenticated && p.spent.Add(int64(work)) < int64(unauthenticatedWork) {
		return n
	}
	if d := own.pause(); d > 0 {
		own.all.stats.add(d)
		time.Sleep(d)
	}
	return n
}

// window returns how much the next read may bring after the work for the last one. Small
// requests and frames come in small steps, so that others get in between: each of a
// thousand calls that come at once has a goroutine that can run. A read that brought little
// says nothing.
func (p *pace) window(work time.Duration) int {
	got, size := p.got.Load(), p.size.Load()
	switch {
	case size == 0 || got >= smallRead && work > longPerByte*time.Duration(got):
		size = smallRead
	case got >= size:
		size = min(2*size, largeRead)
	}
	p.size.Store(size)
	return int(size)
}

func (p *pace) afterRead(n int) {
	p.got.Store(int64(n))
	if own := p.owner.Load(); own != nil {
		p.read.Store(own.all.now().UnixNano())
	}
}

func (p *pace) afterWrite(began time.Time) {
	if own := p.owner.Load(); own != nil {
		own.use(min(own.all.now().Sub(began), mostWorkOfWrite))
	}
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b[:c.beforeRead(len(b))])
	c.afterRead(n)
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	began := c.all.shares.now()
	n, err := c.Conn.Write(b)
	c.afterWrite(began)
	return n, err
}

// wait pauses a request whose tenant has used more than its share. Its connection may be
// one of several tenants, so that it cannot be slowed down as a whole.
func (r *Request) wait(ctx context.Context) {
	r.share.use(workOfCall)
	d := r.share.pause()
	if d == 0 {
		return
	}
	r.guard.shares.stats.add(d)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (t *throttleStats) add(d time.Duration) { t.nanos.Add(int64(d)) }

// Compute begins a part of the work for the request of ctx that needs a processor and
// waits for nothing, and returns what ends it. A large request waits for its turn. If
// ctx ends before, Compute returns its error, and nothing else. Without a request, which
// other receivers leave out, it does nothing.
func Compute(ctx context.Context) (end func(), err error) {
	r, ok := ctx.Value(requestKey{}).(*Request)
	if !ok {
		return func() {}, nil
	}
	return r.compute(ctx)
}

type requestKey struct{}

// Context returns ctx with the request, for what handles it next. See [Compute].
func (r *Request) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// compute is Compute. It changes nothing of r, since what follows may be on another goroutine
// and outlive it.
func (r *Request) compute(ctx context.Context) (end func(), err error) {
	g := r.guard
	if r.large {
		if err := g.large.enter(ctx, r.tenant); err != nil {
			return nil, err
		}
	}
	began := g.shares.now()
	return func() {
		r.share.use(g.shares.now().Sub(began))
		if r.large {
			g.large.leave()
		}
	}, nil
}

// enter waits for the turn of a large request, unless it has it.
func (r *Request) enter() error {
	if r.turn {
		return nil
	}
	waits := r.guard.shares.now()
	if err := r.guard.large.enter(r.ctx, r.tenant); err != nil {
		return err
	}
	r.turn = true
	if !r.began.IsZero() { // it did not compute meanwhile
		r.began = r.began.Add(r.guard.shares.now().Sub(waits))
	}
	return nil
}

// Computed ends what computes for the request, which [Request.Check] begins and Decoded and
// Release end too, and the turn of a large one. Call it before the request waits.
func (r *Request) Computed() {
	if !r.began.IsZero() {
		r.share.use(r.guard.shares.now().Sub(r.began))
		r.began = time.Time{}
	}
	if r.turn {
		r.turn = false
		r.guard.large.leave()
	}
}

// grown makes the request a large one if it has n bytes, and has it wait for its turn.
func (r *Request) grown(n int64) error {
	if n < r.guard.set.LargeRequest {
		return nil
	}
	r.large = true
	return r.enter()
}

// ownedBy notes whose request came over the connection.
func (c *conn) ownedBy(own *share) {
	switch old := c.owner.Load(); {
	case old == own, old == nil:
	case old == &own.all.unauthenticated, own != &own.all.unauthenticated && old.tenant == own.tenant: // its old share was forgotten
		c.owner.Store(own)
	default:
		c.owner.Store(nil)
	}
}
