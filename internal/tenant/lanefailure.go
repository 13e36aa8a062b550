package tenant

import "time"

// LaneFailure is a lane whose last attempt failed, and why. It is for the operator: it
// names the tenant and the destination, so that a page that others read must not show
// all of it.
type LaneFailure struct {
	Tenant      ID
	Destination string
	Signal      Signal

	Open     bool          // its circuit breaker is open or half-open
	HalfOpen bool          // it is half-open: a probe decides
	Failures int           // in a row
	For      time.Duration // since the first of them
	Oldest   time.Duration // age of the oldest data that waits

	Answer LaneAnswer // to the last attempt
}

// LaneAnswer is what came of an attempt that failed.
type LaneAnswer struct {
	At     time.Time
	Class  AnswerClass
	Reason string // the word in metrics, such as http_404 or connection_refused
	Status int    // of HTTP; 0: there was none
	Text   string // on one line, without secrets, at most MaxAnswerText bytes
	URL    string // that an HTTP request was sent to; empty: another protocol, or it holds a secret
}

// MaxAnswerText bounds LaneAnswer.Text.
const MaxAnswerText = 500

// MaxLaneFailures bounds LaneHealth.Failing.
const MaxLaneFailures = 16

// AnswerClass is what an operator can do about a failure.
type AnswerClass string

// The classes of [AnswerClass].
const (
	AnswerRefused     AnswerClass = "refused"       // the destination refuses the credentials: 401, 402, 403, 407
	AnswerNotFound    AnswerClass = "not_found"     // nothing takes the data at this address: 404, 405, a redirect, a web page
	AnswerBusy        AnswerClass = "busy"          // the destination, or a proxy before it, asks for patience: 429, 503 and their like
	AnswerUnreachable AnswerClass = "unreachable"   // there is no connection, or no answer
	AnswerTLS         AnswerClass = "tls"           // there is a connection without trust
	AnswerConfig      AnswerClass = "misconfigured" // the settings cannot be used
	AnswerTooLarge    AnswerClass = "too_large"     // smaller batches may pass
	AnswerLocal       AnswerClass = "local"         // this process cannot read or write what it needs, such as its disk
)
