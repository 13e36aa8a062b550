package tenantprocessor

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
)

const (
	policyName = "maxmemory-policy"

	// policyTimeout bounds one look at the policy, which no request waits for.
	policyTimeout = 5 * time.Second
)

// policyWatch warns if Redis may evict counts when its memory is full: what a tenant
// has used would be lost. It reads the policy at the start and whenever Redis has come
// back, since it may be another one then. It is safe for concurrent use.
type policyWatch struct {
	client   *redis.Client
	logger   *zap.Logger
	recovery *recovery.Recoverer

	mu      sync.Mutex
	ended   bool
	looked  bool   // since Redis was away last
	known   string // the policy that was read last
	looking sync.WaitGroup
}

func (p *policyWatch) begin(client *redis.Client, logger *zap.Logger) {
	p.client, p.logger, p.recovery = client, logger, recovery.New(logger)
	p.note(nil)
}

// note is called after every call of Redis.
func (p *policyWatch) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.looked = false
		return
	}
	if p.looked || p.ended {
		return
	}
	p.looked = true
	p.recovery.Go(&p.looking, "asking Redis for its policy", p.look)
}

// end waits for a look under way.
func (p *policyWatch) end() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.looking.Wait()
}

func (p *policyWatch) look() {
	ctx, cancel := context.WithTimeout(context.Background(), policyTimeout)
	defer cancel()
	policy, err := readPolicy(ctx, p.client)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended:
	case err != nil && !isAnswer(err):
		p.looked = false // Redis is away
	case err != nil:
		p.logger.Info("limits: whether Redis keeps counts when its memory is full cannot be read; set maxmemory-policy to noeviction", zap.Error(err))
	case policy == p.known:
	case policy != "noeviction":
		p.known = policy
		p.logger.Warn("limits: Redis forgets counts when its memory is full, and tenants may then send more than their limits: "+
			`run "redis-cli CONFIG SET maxmemory-policy noeviction" and set it in the configuration of Redis too`, zap.String(policyName, policy))
	default:
		p.known = policy
	}
}

// readPolicy asks for the policy in the way that fewest installations forbid, and
// then in the other.
func readPolicy(ctx context.Context, client *redis.Client) (string, error) {
	info, err := client.Info(ctx, "memory").Result()
	for line := range strings.Lines(info) {
		if policy, ok := strings.CutPrefix(line, "maxmemory_policy:"); ok {
			return strings.TrimSpace(policy), nil
		}
	}
	if err != nil && !isAnswer(err) {
		return "", err
	}
	config, err := client.ConfigGet(ctx, policyName).Result()
	if err != nil {
		return "", err
	}
	return config[policyName], nil
}

// isAnswer tells whether err is what Redis has answered.
func isAnswer(err error) bool {
	_, ok := err.(redis.Error) //nolint:errorlint // the library returns it unwrapped
	return ok
}
