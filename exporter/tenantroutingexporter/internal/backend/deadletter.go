package backend

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// letter is what a dead letter says of itself, in a field that readers of OTLP
// JSON pass over.
type letter struct {
	Time        time.Time `json:"time"`
	Tenant      string    `json:"tenant"`
	Destination string    `json:"destination"`
	Signal      string    `json:"signal"`
	Reason      string    `json:"reason"`
	Message     string    `json:"message,omitempty"`
}

// DeadLetters returns a refused batch as lines of OTLP JSON, each with a field
// "deadLetter" that tells when, where and why it was refused.
func DeadLetters(b *lane.Batch, res lane.Result, now time.Time) ([]byte, error) {
	l := letter{
		Time: now.UTC(), Tenant: string(b.Key.Tenant), Destination: b.Key.Destination, Signal: b.Key.Signal.String(), Reason: res.Reason,
	}
	if res.Err != nil {
		l.Message = clip(res.Err.Error())
	}
	note, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	var lines []byte
	for _, p := range b.Payloads {
		line, err := encodeJSON(b.Key.Signal, [][]byte{p})
		if err != nil {
			return nil, err
		}
		if len(line) < 3 {
			return nil, fmt.Errorf("empty request of %s", b.Key.Signal)
		}
		lines = append(lines, line[:len(line)-1]...)
		lines = append(lines, `,"deadLetter":`...)
		lines = append(append(lines, note...), "}\n"...)
	}
	return lines, nil
}
