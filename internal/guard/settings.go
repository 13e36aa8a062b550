package guard

import (
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// Settings are the limits of a [Guard]. A zero limit has its default.
type Settings struct {
	// Registry says which tenants are suspended. Nil: the identity of the caller
	// decides alone.
	Registry func() *tenant.Snapshot

	// Memory bounds what all requests in flight hold, in bytes: bodies, and what
	// they become when they are decoded. Defaults to [DefaultMemory].
	Memory int64

	// Requests bounds the requests in flight. Defaults to 1024.
	Requests int64

	// TenantMemory and TenantRequests bound those of one tenant further than its
	// share does. Default to five eighths of Memory and of Requests, which is within
	// the share of a tenant that is alone.
	TenantMemory   int64
	TenantRequests int64

	MaxDepth    int // of nested values; defaults to 64
	MaxElements int // of one request; defaults to 1,000,000

	// MinUploadRate is how many bytes a second a body must bring, measured over
	// UploadGrace. Default to 4 KiB and 10 s. A negative rate is none.
	MinUploadRate int64
	UploadGrace   time.Duration

	// ThrottleAbove is how many per cent of the processors may be used before tenants that
	// use more than others are slowed down. Defaults to all but two thirds of one.
	// Negative: they never are.
	ThrottleAbove int

	// LargeRequest is from how many bytes on, decompressed, a request is a large one. While
	// others are there, large requests leave one of the processors to small ones.
	// Defaults to 256 KiB.
	LargeRequest int64

	Connections ConnectionSettings

	// Pressure is called with true when requests in flight hold more than a quarter of
	// Memory, and with false when they hold less than an eighth again, but not sooner
	// than after a second. It is called by one goroutine at a time and must not block.
	// Optional.
	Pressure func(high bool)

	Logger *zap.Logger
}

// Defaults of [Settings].
const (
	DefaultRequests      = 1024
	DefaultDepth         = 64
	DefaultElements      = 1_000_000
	DefaultMinUploadRate = 4 << 10
	DefaultUploadGrace   = 10 * time.Second
	DefaultLargeRequest  = 256 << 10
)

func (s Settings) withDefaults() Settings {
	orDefault(&s.Memory, DefaultMemory())
	orDefault(&s.Requests, DefaultRequests)
	orDefault(&s.TenantMemory, s.Memory/8*5)
	orDefault(&s.TenantRequests, max(1, s.Requests/8*5))
	orDefault(&s.MaxDepth, DefaultDepth)
	orDefault(&s.MaxElements, DefaultElements)
	orDefault(&s.MinUploadRate, DefaultMinUploadRate)
	orDefault(&s.UploadGrace, DefaultUploadGrace)
	orDefault(&s.ThrottleAbove, DefaultThrottleAbove())
	orDefault(&s.LargeRequest, DefaultLargeRequest)
	s.Connections = s.Connections.withDefaults()
	if s.Logger == nil {
		s.Logger = zap.NewNop()
	}
	return s
}

func orDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}
