// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package healthboard_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-tenant/otelcol-tenant/internal/healthboard"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant/tenanttest"
)

// other is an extension that is not a board.
type other struct{}

func (other) Start(context.Context, component.Host) error { return nil }
func (other) Shutdown(context.Context) error              { return nil }

func TestFind_ReturnsTheExtensionsThatAreBoards(t *testing.T) {
	id := component.MustNewID
	assert.Empty(t, healthboard.Find(tenanttest.Host{}))
	assert.Empty(t, healthboard.Find(tenanttest.Host{id("other"): other{}}))

	first, second := &tenanttest.Board{}, &tenanttest.Board{}
	host := tenanttest.Host{id("other"): other{}, id("first"): first, id("second"): second}
	assert.ElementsMatch(t, []healthboard.Board{first, second}, healthboard.Find(host))
}

// Components start and stop independently of each other, so they post and remove reports
// on all boards at the same time.
func TestFind_BoardsTakeReportsConcurrently(t *testing.T) {
	board := &tenanttest.Board{}
	host := tenanttest.Host{component.MustNewID("board"): board}
	var calls atomic.Int64
	var posting sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		posting.Go(func() {
			for range 100 {
				for _, b := range healthboard.Find(host) {
					removeLanes := b.PostLanes(component.MustNewIDWithName("exporter", name), func() healthboard.Lanes {
						calls.Add(1)
						return healthboard.Lanes{Idle: 1}
					})
					removeRegistry := b.PostRegistry(component.MustNewIDWithName("registry", name), func() healthboard.Registry {
						return healthboard.Registry{Loaded: true}
					})
					removeLanes()
					removeRegistry()
					removeLanes() // harmless, as a component may be shut down twice
				}
			}
		})
	}
	posting.Wait()
	assert.Zero(t, calls.Load(), "a board that nobody reads calls no report")
}

// The classes and problems are values in the answer of the health endpoint and in
// metrics. Monitoring of users relies on them.
func TestNames_AreDistinctAndStable(t *testing.T) {
	for name, want := range map[healthboard.AnswerClass]string{
		healthboard.AnswerRejected: "refused", healthboard.AnswerNotFound: "not_found", healthboard.AnswerBusy: "busy",
		healthboard.AnswerUnreachable: "unreachable", healthboard.AnswerTLS: "tls", healthboard.AnswerConfig: "misconfigured",
		healthboard.AnswerTooLarge: "too_large", healthboard.AnswerLocal: "local",
	} {
		assert.Equal(t, want, string(name))
	}
	for name, want := range map[healthboard.FailureClass]string{
		healthboard.FailureMissing: "missing", healthboard.FailureUnsettled: "unsettled", healthboard.FailureUnavailable: "unavailable",
		healthboard.FailureInvalid: "invalid", healthboard.FailureConfig: "misconfigured", healthboard.FailureForked: "forked",
	} {
		assert.Equal(t, want, string(name))
	}
	for name, want := range map[healthboard.RouteProblem]string{
		healthboard.RouteUnknown: "unknown_destination", healthboard.RouteSignal: "signal_not_taken", healthboard.RouteSettings: "settings",
	} {
		assert.Equal(t, want, string(name))
	}
}

// A report of all failing lanes must stay small enough for a health endpoint.
func TestBounds_KeepAReportSmall(t *testing.T) {
	require.LessOrEqual(t, healthboard.MaxLaneFailures*healthboard.MaxAnswerText, 16<<10)
}
