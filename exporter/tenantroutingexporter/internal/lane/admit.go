package lane

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// minIndexBytes is what may be known of payloads in a store however little memory
// MaxMemoryBytes allows.
const minIndexBytes = 16 << 20

// Space is how much a store can take of a tenant.
type Space struct {
	Disk  int64 // what is free on the disk, less a reserve
	Small int64 // what a tenant may hold nevertheless
	Quota int64 // what is left of MaxTotalBytes in the files of the store
}

// holding is what is held of one tenant, or of all. Each payload counts once.
type holding struct {
	bytes   int64 // as cost has it
	entries int64
}

// cost is what p counts against bounds.
func (s *Scheduler) cost(p *Payload) int64 { return int64(p.Size) + s.EntryBytes }

// admit says whether there is room for all parts.
func (s *Scheduler) admit(parts []Part, now time.Time) error {
	if s.closed {
		return ErrShutdown
	}
	// What the parts before need, where there are several.
	var lanes map[Key]int64
	var tenants map[tenant.ID]holding
	if len(parts) > 1 {
		lanes, tenants = make(map[Key]int64), make(map[tenant.ID]holding)
	}
	total := holding{s.total, s.entries}
	for i := range parts {
		p := parts[i].Payload
		size := s.cost(p)
		for _, route := range parts[i].Routes {
			k := Key{p.Tenant, route.Destination, p.Signal}
			before, held := lanes[k], int64(0)
			if l := s.lanes[k]; l != nil {
				held = l.bytes
			}
			if before+size > s.MaxBytes {
				return &TooLargeError{Size: bytesize.Size(before + size), Limit: bytesize.Size(s.MaxBytes)}
			}
			if held+before+size > s.MaxBytes {
				return &FullError{
					Tenant: p.Tenant, Signal: p.Signal, Rule: "lane::max_bytes", Limit: bytesize.Size(s.MaxBytes),
					RetryAfter: max(0, s.lanes[k].notBefore.Sub(now)),
				}
			}
			if lanes != nil {
				lanes[k] = before + size
			}
		}
		if err := s.admitTenant(p, tenants[p.Tenant], total); err != nil {
			return err
		}
		if tenants != nil {
			t := tenants[p.Tenant]
			tenants[p.Tenant] = holding{t.bytes + size, t.entries + 1}
		}
		total.bytes += size
		total.entries++
	}
	return nil
}

// admitTenant says whether there is room for p, for whose tenant the parts before
// it hold before, while all hold total.
func (s *Scheduler) admitTenant(p *Payload, before, total holding) error {
	held := s.usage[p.Tenant]
	bytes := held.bytes + before.bytes + s.cost(p)
	full := func(rule string, limit int64) error {
		return &FullError{Tenant: p.Tenant, Signal: p.Signal, Rule: rule, Limit: bytesize.Size(limit)}
	}
	// A tenant that holds much is refused first: it may hold as much as is
	// still free, so that there is always room for those that hold little.
	if bytes > s.MaxTotalBytes-total.bytes {
		return full("max_total_bytes", s.MaxTotalBytes)
	}
	if s.Store != nil && s.EntryMemory > 0 {
		limit := max(s.MaxMemoryBytes, minIndexBytes)
		if (held.entries+before.entries+1)*s.EntryMemory > limit-total.entries*s.EntryMemory {
			return full("max_memory_bytes", limit)
		}
	}
	if s.Space == nil {
		return nil
	}
	space := s.Space(p.Tenant)
	soon := s.storing + total.bytes - s.total // is not on the disk yet
	if bytes > space.Quota-soon {
		return full("max_total_bytes", s.MaxTotalBytes)
	}
	if bytes > space.Disk-soon && bytes > space.Small {
		return &SpaceError{Tenant: p.Tenant, Signal: p.Signal}
	}
	return nil
}

// hold counts a payload against its tenant and the whole.
func (s *Scheduler) hold(p *Payload) {
	h := s.usage[p.Tenant]
	s.usage[p.Tenant] = holding{h.bytes + s.cost(p), h.entries + 1}
	s.total += s.cost(p)
	s.entries++
	s.inMemory += int64(len(p.Data))
}

// letGo ends the hold of one lane on p.
func (s *Scheduler) letGo(p *Payload) {
	if p.refs--; p.refs > 0 {
		return
	}
	s.total -= s.cost(p)
	s.entries--
	s.inMemory -= int64(len(p.Data))
	h := s.usage[p.Tenant]
	if h.entries <= 1 {
		delete(s.usage, p.Tenant)
		return
	}
	s.usage[p.Tenant] = holding{h.bytes - s.cost(p), h.entries - 1}
}
