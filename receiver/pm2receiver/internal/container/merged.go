// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

import (
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

// merged collects the records of several decoders.
type merged struct {
	place   Place
	full    func(plog.Logs) // is called with each full batch; nil: there is one batch
	logs    plog.Logs
	stats   decode.Stats
	records int
}

func newMerged(place Place, full func(plog.Logs)) merged {
	return merged{place: place, full: full, logs: plog.NewLogs()}
}

func (m *merged) add(logs plog.Logs) {
	for _, from := range logs.ResourceLogs().All() {
		m.place.put(from.Resource().Attributes())
		m.records += from.ScopeLogs().At(0).LogRecords().Len()
		if to, has := m.like(from); has {
			from.ScopeLogs().At(0).LogRecords().MoveAndAppendTo(to.ScopeLogs().At(0).LogRecords())
			continue
		}
		from.MoveTo(m.logs.ResourceLogs().AppendEmpty())
	}
	if m.full != nil && m.records >= maxRecords {
		all := m.logs
		m.logs, m.records = plog.NewLogs(), 0
		m.full(all)
	}
}

// like returns the entry with the same resource, if it is among the last ones.
func (m *merged) like(logs plog.ResourceLogs) (plog.ResourceLogs, bool) {
	all := m.logs.ResourceLogs()
	for i := all.Len() - 1; i >= max(0, all.Len()-maxResources); i-- {
		if other := all.At(i); other.Resource().Attributes().Equal(logs.Resource().Attributes()) {
			return other, true
		}
	}
	return plog.ResourceLogs{}, false
}
