// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package store

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/exporter/tenantroutingexporter/internal/lane"
)

// Payloads that were being sent when a process crashed may be the cause,
// sent alone, and in the end poison; a kill costs nobody anything.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	set, _ := located(t, dir)
	deaths := func(parts []lane.Part) string {
		var out []string
		for _, p := range parts {
			out = append(out, fmt.Sprintf("%s%d%v", p.Payload.Tenant, p.Payload.Deaths, p.Payload.Watched))
		}
		return strings.Join(out, " ")
	}
	s, _ := openLocated(t, set)
	require.NoError(t, s.Put(t.Context(), []lane.Part{newPart("a", "poison", "x"), newPart("a", "good", "x"), newPart("b", "good", "x")}))
	watch := func(parts ...lane.Part) (done func()) {
		var payloads []*lane.Payload
		for _, p := range parts {
			payloads = append(payloads, p.Payload)
		}
		done, err := s.Watch(payloads)
		require.NoError(t, err)
		return done
	}
	again := func(fault bool) []lane.Part {
		// The state that the process left: the end of the attempt is not written yet.
		end := t.TempDir()
		require.NoError(t, os.CopyFS(end, os.DirFS(dir)))
		closeStore(t, s)
		dir = end
		set, _ = located(t, dir)
		set.Fault = fault
		var parts []lane.Part
		s, parts = openLocated(t, set)
		slices.SortStableFunc(parts, func(a, b lane.Part) int { return strings.Compare(string(a.Payload.Tenant), string(b.Payload.Tenant)) })
		return parts
	}
	parts := again(false)
	assert.Equal(t, "a0false a0false b0false", deaths(parts))
	watch(parts...)
	parts = again(false)
	assert.Equal(t, "a0false a0false b0false", deaths(parts), "a kill does not count")
	watch(parts[2])()
	require.NoError(t, s.flush(t.Context()))
	watch(parts[0], parts[1])
	parts = again(true)
	assert.Equal(t, "a1true a1true b0true", deaths(parts))
	watch(parts[1])()
	require.NoError(t, s.flush(t.Context()))
	watch(parts[0])
	parts = again(true)
	assert.Equal(t, "a2true a1true b0true", deaths(parts))
	require.EqualValues(t, PoisonDeaths, parts[0].Payload.Deaths)
	s.Release([]*lane.Payload{parts[0].Payload}, "x")
	require.NoError(t, s.flush(t.Context()))
	parts = again(false)
	assert.Equal(t, "a1true b0true", deaths(parts), "a suspicion outlives a kill")
	s.Release([]*lane.Payload{parts[0].Payload}, "x")
	require.NoError(t, s.flush(t.Context()))
	assert.Equal(t, "b0false", deaths(again(false)))
	closeStore(t, s)
}
