// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantprocessor

import (
	"context"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/ratelimit"
)

// redisStore is the [ratelimit.Script] in Redis. It is safe for concurrent use.
type redisStore struct {
	client *redis.Client
	script *redis.Script
	policy policyWatch
}

var _ ratelimit.Script = (*redisStore)(nil)

// quietRedis keeps the library from writing to standard error. The errors that it returns
// have the same content.
var quietRedis = sync.OnceFunc(logging.Disable)

func newRedisStore(ctx context.Context, cfg *RedisConfig, logger *zap.Logger) (*redisStore, error) {
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
	s := &redisStore{client: redis.NewClient(options), script: redis.NewScript(ratelimit.SharedScript)}
	s.policy.begin(s.client, logger)
	return s, nil
}

// Run implements [ratelimit.Script].
func (s *redisStore) Run(ctx context.Context, keys []string, args []any) ([]any, error) {
	values, err := s.script.Run(ctx, s.client, keys, args...).Slice()
	if ctx.Err() == nil { // a canceled request does not mean that Redis failed
		s.policy.note(err)
	}
	return values, err
}

func (s *redisStore) close() error {
	err := s.client.Close() // ends calls in progress
	s.policy.end()
	return err
}
