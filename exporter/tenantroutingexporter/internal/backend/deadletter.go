package backend

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
)

// DeadLetters returns a refused batch as dead letters and the folder where they
// belong.
func DeadLetters(b *lane.Batch, res lane.Result, now time.Time) (folder string, lines []byte, err error) {
	n := &deadletter.Note{
		Time: now.UTC(), Tenant: b.Key.Tenant, Destination: b.Key.Destination, Signal: b.Key.Signal.String(), Reason: res.Reason,
	}
	if res.Err != nil {
		n.Message = clip(res.Err.Error())
	}
	for _, p := range b.Payloads {
		request, err := encodeJSON(b.Key.Signal, [][]byte{p})
		if err != nil {
			return "", nil, err
		}
		if lines, err = deadletter.Append(lines, request, n); err != nil {
			return "", nil, err
		}
	}
	return n.Folder(), lines, nil
}
