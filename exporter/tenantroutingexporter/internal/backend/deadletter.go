// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package backend

import (
	"io"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/deadletter"
	"github.com/otelcol-tenant/otelcol-tenant/internal/otlpwire"
)

// DeadLetters returns the folder for the dead letters of a rejected batch and a function that writes them.
func (p *Pool) DeadLetters(b *lane.Batch, res lane.Result, now time.Time) (folder string, write func(io.Writer) error) {
	n := &deadletter.Note{
		Time: now.UTC(), Tenant: b.Key.Tenant, Destination: b.Key.Destination, Signal: b.Key.Signal.String(), Reason: res.Reason,
	}
	if res.Err != nil {
		n.Message = clip(res.Err.Error())
	}
	return n.Folder(), func(w io.Writer) (err error) {
		if bug := p.recovery.Run("writing dead letters", func() { err = writeDeadLetters(w, b, n) }); bug != nil {
			return decodeError{bug} // another attempt would panic too
		}
		return err
	}
}

func writeDeadLetters(w io.Writer, b *lane.Batch, n *deadletter.Note) error {
	return eachLine(b.Key.Signal, b.Payloads, func(request []byte) error {
		return deadletter.Write(w, n, func(w io.Writer) error { return otlpwire.WriteJSON(w, b.Key.Signal, request) })
	})
}
