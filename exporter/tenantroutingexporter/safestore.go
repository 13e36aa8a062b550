// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantroutingexporter

import (
	"context"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

// safeStore converts panics of a store to errors, so that an offer that panics leaves no reservation, and
// every attempt ends.
type safeStore struct {
	lane.Store
	recovery *recovery.Recoverer
}

// Put implements lane.Store.
func (s *safeStore) Put(ctx context.Context, parts []lane.Part) (err error) {
	defer s.recovery.Catch("storing accepted data", &err)
	return s.Store.Put(ctx, parts)
}

// Read implements lane.Store. If reading several payloads panics, it reads them one
// by one: those that panic alone are lost and the others are not.
func (s *safeStore) Read(ctx context.Context, payloads []*lane.Payload) ([][]byte, error) {
	data, err := s.read(ctx, payloads)
	if !recovery.Is(err) {
		return data, err
	}
	data = make([][]byte, len(payloads))
	for i := range payloads {
		one, err := s.read(ctx, payloads[i:i+1])
		switch {
		case recovery.Is(err):
		case err != nil:
			return nil, err
		default:
			data[i] = one[0]
		}
	}
	return data, nil
}

func (s *safeStore) read(ctx context.Context, payloads []*lane.Payload) (data [][]byte, err error) {
	defer s.recovery.Catch("reading queued data", &err)
	return s.Store.Read(ctx, payloads)
}

// Release implements lane.Store.
func (s *safeStore) Release(payloads []*lane.Payload, destination string) {
	_ = s.recovery.Run("noting deliveries", func() { s.Store.Release(payloads, destination) })
}
