package tenantprocessor

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// redisPause is how long Redis is left alone after it has failed. Every request
// would otherwise wait for it to time out.
const redisPause = time.Second

//go:embed shared.lua
var sharedScript string

// sharedLimits are the limits as all gateways keep them together in Redis: a
// request is decided and charged in one call of a script. It is safe for
// concurrent use.
type sharedLimits struct {
	client *redis.Client
	script *redis.Script
	prefix string
	logger *zap.Logger
	now    func() time.Time

	gateway string // tells this gateway from others for a while
	policy  policyWatch

	failed     atomic.Bool  // the last call failed
	pauseUntil atomic.Int64 // in nanoseconds since 1970
}

// quietRedis keeps the library from writing to standard error: what it would say
// is in the errors that it returns.
var quietRedis = sync.OnceFunc(logging.Disable)

func newSharedLimits(ctx context.Context, cfg *RedisConfig, logger *zap.Logger, now func() time.Time) (*sharedLimits, error) {
	quietRedis()
	options := &redis.Options{
		Addr: cfg.Endpoint, Username: cfg.Username, Password: string(cfg.Password), DB: cfg.DB,
		DialTimeout: cfg.Timeout, ReadTimeout: cfg.Timeout, WriteTimeout: cfg.Timeout, PoolTimeout: cfg.Timeout,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
	}
	if cfg.TLS.HasValue() {
		tls, err := cfg.TLS.Get().LoadTLSConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("limits::redis::tls: %w", err)
		}
		options.TLSConfig = tls
	}
	s := &sharedLimits{
		client: redis.NewClient(options), script: redis.NewScript(sharedScript),
		prefix: cfg.KeyPrefix, logger: logger, now: now, gateway: rand.Text(),
	}
	s.policy.begin(s.client, logger)
	return s, nil
}

func (s *sharedLimits) close() error {
	err := s.client.Close() // ends what is under way
	s.policy.end()
	return err
}

// away tells whether Redis is left alone for now.
func (s *sharedLimits) away() bool {
	return s.failed.Load() && s.now().UnixNano() < s.pauseUntil.Load()
}

// note says in the log when Redis goes and comes back, each once.
func (s *sharedLimits) note(err error) {
	s.policy.note(err)
	if err != nil {
		s.pauseUntil.Store(s.now().Add(redisPause).UnixNano())
		if !s.failed.Swap(true) {
			s.logger.Warn("limits: Redis cannot be used; each gateway keeps limits for itself until it can be", zap.Error(err))
		}
		return
	}
	if s.failed.Load() && s.failed.Swap(false) {
		s.logger.Info("limits: Redis can be used again; limits are shared")
	}
}

type chargeMode string

const (
	chargeModeCharge chargeMode = "charge"
	chargeModeForce  chargeMode = "force"
	chargeModeGive   chargeMode = "give"
)

// sharedCharge is one call of the script.
type sharedCharge struct {
	mode   chargeMode
	tenant tenant.ID
	signal tenant.Signal
	amount amount
	debts  debts
	terms  terms
}

// answer is what the script returned.
type answer struct {
	over   excess
	number int64 // grows from one to the next
	used   [numQuotas]int64
}

// do charges the tenant. An error means that nothing is known of the limits.
func (s *sharedLimits) do(ctx context.Context, c sharedCharge, now time.Time) (answer, error) {
	// Braces make the keys of a tenant one slot of a Redis cluster.
	base := s.prefix + ":{" + string(c.tenant) + "}:"
	keys := []string{base + "rates", base + c.debts.day, base + c.debts.month, base + "taken:" + c.signal.String()}
	rate := c.terms.limits.Rates[c.signal]
	owed := c.debts.owed
	args := make([]any, 0, 15+2*numQuotas)
	args = append(args, string(c.mode), c.signal.String(), c.amount.records, c.amount.bytes,
		owed.day.records, owed.day.bytes, owed.month.records, owed.month.bytes, c.debts.newest, c.debts.newestOwn)
	for _, perSecond := range []int64{rate.RecordsPerSecond, rate.BytesPerSecond} {
		args = append(args, perSecond, burstOf(float64(perSecond), c.terms.burst))
	}
	var none usage
	quotas := none.quotas(c.signal, amount{}, c.terms.limits)
	for i := range quotas {
		limit := quotas[i].limit
		if limit > 0 {
			limit = max(1, limit-c.debts.pending[i])
		}
		args = append(args, limit)
	}
	for _, used := range c.debts.known {
		args = append(args, used)
	}
	args = append(args, s.gateway)
	values, err := s.script.Run(ctx, s.client, keys, args...).Slice()
	if err != nil {
		return answer{}, err
	}
	return readAnswer(values, c, quotas, now)
}

func readAnswer(values []any, c sharedCharge, quotas [numQuotas]quota, now time.Time) (a answer, err error) {
	const counted = 3 // where counts begin
	if len(values) != counted+numQuotas {
		return a, fmt.Errorf("limits: Redis answered with %d values, not %d", len(values), counted+numQuotas)
	}
	for i := range a.used {
		n, ok := values[counted+i].(int64)
		if !ok {
			return a, fmt.Errorf("limits: Redis answered with a count that is a %T", values[counted+i])
		}
		a.used[i] = n
	}
	number, ok := values[2].(int64)
	if !ok {
		return a, fmt.Errorf("limits: Redis answered with a number that is a %T", values[2])
	}
	a.number = number
	over, _ := values[0].(int64)
	text, _ := values[1].(string)
	wait, err := time.ParseDuration(text + "s")
	rate := c.terms.limits.Rates[c.signal]
	switch {
	case err != nil || over < 0 || over > 2+int64(numQuotas):
		return a, fmt.Errorf("limits: Redis answered with the limit %d and the time %q", over, text)
	case over == 1:
		a.over = excess{rejection.Rate, recordRate(rate, c.signal), wait}
	case over == 2:
		a.over = excess{rejection.Rate, byteRate(rate, c.signal), wait}
	case over > 2:
		a.over = quotas[over-3].excess(c.signal, now)
	}
	return a, nil
}
