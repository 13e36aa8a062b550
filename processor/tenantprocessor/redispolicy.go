// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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

	// policyTimeout bounds one read of the policy. No request waits for it.
	policyTimeout = 5 * time.Second
)

// policyWatch warns if Redis may evict counts when its memory is full, which would lose
// what tenants have used. It reads the policy at the start and whenever Redis works again
// after a failure, because it may then be another Redis. It is safe for concurrent use.
type policyWatch struct {
	client   *redis.Client
	logger   *zap.Logger
	recovery *recovery.Recoverer

	mu      sync.Mutex
	ended   bool
	checked bool   // since the last failure
	known   string // the policy that was read last
	reads   sync.WaitGroup
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
		p.checked = false
		return
	}
	if p.checked || p.ended {
		return
	}
	p.checked = true
	p.recovery.Go(&p.reads, "asking Redis for its policy", p.check)
}

// end waits for a read in progress.
func (p *policyWatch) end() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.reads.Wait()
}

func (p *policyWatch) check() {
	ctx, cancel := context.WithTimeout(context.Background(), policyTimeout)
	defer cancel()
	policy, err := readPolicy(ctx, p.client)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended:
	case err != nil && !isAnswer(err):
		p.checked = false // Redis is away
	case err != nil:
		p.logger.Info("Failed to read whether Redis keeps counts when its memory is full; set maxmemory-policy to noeviction", zap.Error(err))
	case policy == p.known:
	case policy != "noeviction":
		p.known = policy
		p.logger.Warn("Redis evicts counts when its memory is full, and tenants may then send more than their limits: "+
			`run "redis-cli CONFIG SET maxmemory-policy noeviction" and set it in the configuration of Redis too`, zap.String(policyName, policy))
	default:
		p.known = policy
	}
}

// readPolicy reads the policy by INFO, which few installations forbid, and otherwise
// by CONFIG GET.
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

// isAnswer reports whether err is an answer of Redis.
func isAnswer(err error) bool {
	_, ok := err.(redis.Error) //nolint:errorlint // the library returns it unwrapped
	return ok
}
