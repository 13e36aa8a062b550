package tenant

import (
	"time"

	"go.opentelemetry.io/collector/component"
)

// HealthBoard shows the state of the gateway to whoever looks after it. The
// tenant_health extension implements it; others find it with [FindHealthBoards].
//
// What is posted names no key, and no tenant and no endpoint but in LaneHealth.Failing:
// load balancers and monitoring of others read it. A reporter is called seldom, from any goroutine,
// and must not block. After remove returns it is not called again.
type HealthBoard interface {
	// PostRegistry shows the state of the registry id.
	PostRegistry(id component.ID, report func() RegistryHealth) (remove func())

	// PostLanes shows the lanes of the exporter id.
	PostLanes(id component.ID, report func() LaneHealth) (remove func())
}

// RegistryHealth is the state of a registry.
type RegistryHealth struct {
	Loaded      bool      // there is a snapshot
	Hash        string    // of it, shortened
	Source      string    // where it is from: file, postgres, or snapshot for the copy on disk
	ConfirmedAt time.Time // when its source was last known to say what it says

	Failure *RegistryFailure // why the source is not in force; nil: it is
}

// RegistryFailure is why what the source says is not in force.
type RegistryFailure struct {
	Class    FailureClass
	Action   string // the command that leads out; empty: there is more than one way
	Since    time.Time
	Rejected int             // entries of tenants with faults, as far as they could be read
	Faults   []RejectedEntry // the first of them
}

// FailureClass is what kind of trouble a registry's source has.
type FailureClass string

// The classes of [FailureClass].
const (
	FailureMissing     FailureClass = "missing"       // there is no registry
	FailureUnsettled   FailureClass = "unsettled"     // it is being written, for longer than it should take
	FailureUnavailable FailureClass = "unavailable"   // it cannot be read
	FailureInvalid     FailureClass = "invalid"       // it was read and has faults
	FailureConfig      FailureClass = "misconfigured" // the configuration does not say how to reach it
	FailureForked      FailureClass = "forked"        // it was read, and is not a successor of what is in force, as a restored backup
)

// RejectedEntry is the place of a fault: the log names the tenant and says what
// is wrong.
type RejectedEntry struct {
	Line  int    // of the registry file, or of the file that the rows of a database make
	Row   int    // in a database, counted from 1, of a row that is no part of such a file
	Field string // of the entry, such as keys or limits; empty: the entry as a whole
}

// LaneHealth is the state of all lanes of an exporter.
type LaneHealth struct {
	Idle, Active, Waiting, Open int // lanes by state; open are those behind an open breaker
	HalfOpen                    int // of the open lanes, those whose breaker is half-open: a probe decides
	Full                        int // of these, lanes with less than a twentieth of their room left
	NotOTLP                     int // likewise, lanes whose destination last answered as no OTLP backend does, such as with a web page

	QueuedBytes, MaxBytes int64         // of all lanes together
	Fullest               float64       // the share of its own bound that the fullest lane holds, from 0 to 1
	Oldest                time.Duration // age of the oldest that is queued

	// Failing are lanes whose last attempt failed, those that have failed longest first. Of
	// more than MaxLaneFailures they are the first.
	Failing []LaneFailure

	Storage *StorageHealth // nil: lanes are in memory, or nothing is known of the disk
	Routes  *RouteHealth   // nil: routes of all tenants work, as far as is known
}

// RouteHealth is what is wrong with routes of active tenants.
type RouteHealth struct {
	Tenants int // with a fault
	Faults  []RouteFault
}

// RouteFault is one kind of fault. A name on a route may be that of a tenant, so that
// it is in the log alone.
type RouteFault struct {
	Signal  Signal
	Problem RouteProblem
	Tenants int
}

// RouteProblem is what is wrong with a route.
type RouteProblem string

// The problems of [RouteFault].
const (
	RouteUnknown  RouteProblem = "unknown_destination"
	RouteSignal   RouteProblem = "signal_not_taken" // by the destination
	RouteSettings RouteProblem = "settings"         // a variable is missing or wrong
)

// StorageHealth is the state of the disk that lanes are on, in bytes.
type StorageHealth struct {
	Used, Free, Reserve int64         // by queue files; of the disk; of Free, what is not for data. Free -1: not known
	Refusing            bool          // data is refused for want of disk
	For                 time.Duration // since when
}

// FindHealthBoards returns the extensions of host that show the state of others.
func FindHealthBoards(host component.Host) []HealthBoard {
	var boards []HealthBoard
	for _, ext := range host.GetExtensions() {
		if b, ok := ext.(HealthBoard); ok {
			boards = append(boards, b)
		}
	}
	return boards
}
