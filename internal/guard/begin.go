package guard

// Begin begins the decoding of a request whose decoded body has size bytes and at least
// records records. It is for receivers of other protocols than OTLP, for which
// [Request.Check] does it: it waits until few enough requests of the tenant are decoded
// and handed on, and asks the posted limiters. It reserves nothing, and charges no limit.
func (r *Request) Begin(size int64, records int) error {
	g := r.guard
	if !r.working {
		g.turns.enter(r.tenant)
		r.working = true
	}
	if err := r.grown(size); err != nil {
		return r.gone()
	}
	r.began = g.shares.now()
	if err := g.overLimit(r.tenant, r.signal, records, 0); err != nil {
		r.count(reasonOf(err))
		return err
	}
	return nil
}
