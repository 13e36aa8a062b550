// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenant

import (
	"fmt"
	"strings"
)

// Signal is one kind of telemetry.
type Signal uint8

// The signals of OTLP that the distribution routes.
const (
	Logs Signal = iota
	Metrics
	Traces
	numSignals
)

// AllSignals lists every [Signal] in the order in which they are shown.
func AllSignals() []Signal { return []Signal{Logs, Metrics, Traces} }

var signalNames = [numSignals]string{"logs", "metrics", "traces"}

// String returns "logs", "metrics" or "traces".
func (s Signal) String() string {
	if s >= numSignals {
		return fmt.Sprintf("signal(%d)", uint8(s))
	}
	return signalNames[s]
}

// ParseSignal is the inverse of [Signal.String].
func ParseSignal(name string) (Signal, error) {
	for i, n := range signalNames {
		if n == name {
			return Signal(i), nil
		}
	}
	return 0, fmt.Errorf("unknown signal %q, want one of %s", name, strings.Join(signalNames[:], ", "))
}

// SignalOfMethod returns the signal of a gRPC method of OTLP, such as
// /opentelemetry.proto.collector.logs.v1.LogsService/Export, or false if it is none.
func SignalOfMethod(fullMethod string) (Signal, bool) {
	rest, ok := strings.CutPrefix(fullMethod, "/opentelemetry.proto.collector.")
	if !ok {
		return 0, false
	}
	name, _, _ := strings.Cut(rest, ".")
	// The package of traces is the only one that is not named as the signal.
	if name == "trace" {
		return Traces, true
	}
	s, err := ParseSignal(name)
	return s, err == nil && s != Traces
}

// Signals is a set of [Signal]. The zero value is the empty set.
type Signals uint8

// NewSignals returns the set of the given signals.
func NewSignals(signals ...Signal) Signals {
	var set Signals
	for _, s := range signals {
		set |= 1 << s
	}
	return set
}

// Has reports whether s is in the set.
func (set Signals) Has(s Signal) bool { return set&(1<<s) != 0 }

// Names returns the names of the set's signals in the order of [AllSignals].
func (set Signals) Names() []string {
	var names []string
	for _, s := range AllSignals() {
		if set.Has(s) {
			names = append(names, s.String())
		}
	}
	return names
}
