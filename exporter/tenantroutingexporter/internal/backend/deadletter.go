package backend

import (
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
)

// DeadLetters returns a refused batch as dead letters and the folder where they
// belong.
func (p *Pool) DeadLetters(b *lane.Batch, res lane.Result, now time.Time) (folder string, lines []byte, err error) {
	p.encode(b.Bytes, func() { folder, lines, err = deadLetters(b, res, now) })
	return folder, lines, err
}

func deadLetters(b *lane.Batch, res lane.Result, now time.Time) (folder string, lines []byte, err error) {
	n := &deadletter.Note{
		Time: now.UTC(), Tenant: b.Key.Tenant, Destination: b.Key.Destination, Signal: b.Key.Signal.String(), Reason: res.Reason,
	}
	if res.Err != nil {
		n.Message = clip(res.Err.Error())
	}
	err = eachLine(b.Key.Signal, b.Payloads, func(request []byte) (err error) {
		lines, err = deadletter.Append(lines, request, n)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return n.Folder(), lines, nil
}
